// Input: a byte that chooses the call, then the body of an operator's call.

#include <string_view>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "gateway/protocol/admin_requests.h"

namespace sluice::gateway {
static void fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return;
  }
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parse = [&]() -> Result<AdminRequest> {
    switch (data[0]) {
      case 'i':
        return index_request(body);
      case 'l':
        return load_request("m", body);
      case 'u':
        return unload_request("m", body);
      case 'v':
        return verb_request("m", RolloutVerb::pause, body);
      default:
        return rollout_request("m", body);
    }
  };
  const Result<AdminRequest> request = parse();
  if (!request) {
    SLUICE_CHECK(!request.error().detail.empty());
    return;
  }
  if (const auto* load = std::get_if<LoadAsked>(&*request)) {
    SLUICE_CHECK(load->config.size() <= body.size());
  }
  if (const auto* rollout = std::get_if<RolloutAsked>(&*request)) {
    SLUICE_CHECK(rollout->steps.empty() || rollout->steps.back() == 100);
    SLUICE_CHECK(rollout->hold >= Duration(0) && rollout->hold <= limits::kRolloutWait);
    SLUICE_CHECK(!rollout->to || *rollout->to >= 0);
  }
}

}  // namespace sluice::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::gateway::fuzz(data, size);
  return 0;
}
