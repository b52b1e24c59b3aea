// Input: the path of a request.

#include <string_view>

#include "common/base/check.h"
#include "gateway/protocol/adapters.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
static void fuzz(const std::uint8_t* data, std::size_t size) {
  ClientMessage message;
  message.path = {reinterpret_cast<const char*>(data), size};
  for (const std::string_view method : {"GET", "POST"}) {
    message.method = method;
    const Route route = parse_route(message, {});
    if (const auto* call = std::get_if<InferCall>(&route)) {
      SLUICE_CHECK(check_model_name(call->target.model).has_value());
    }
    SLUICE_CHECK(!std::holds_alternative<StatusCall>(route) || message.path == "/sluice/status");
    if (const auto* call = std::get_if<OperatorCall>(&route)) {
      if (const auto* load = std::get_if<LoadAsked>(&call->request)) {
        SLUICE_CHECK(method == "POST" && check_model_name(load->model).has_value());
      }
    }
    parse_route(message, {.graphpipe_model = "m"});
  }
}

}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::gateway::fuzz(data, size);
  return 0;
}
