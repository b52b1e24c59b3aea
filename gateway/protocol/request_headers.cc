#include "gateway/protocol/request_headers.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "common/base/limits.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {

Result<void> check_content_encoding(const ClientMessage& message) {
  const std::string_view encoding = header_of(message, "Content-Encoding");
  if (encoding.empty() || equal_without_case(encoding, "identity")) {
    return {};
  }
  return Error{ErrorCode::unsupported,
               "Unsupported compression type '" + std::string(encoding.substr(0, 32)) +
                   "': send the body as it is"};
}

Result<void> take_timeout_header(const ClientMessage& message, InferRequest& request) {
  const std::string_view header = header_of(message, kTimeoutHeader);
  if (header.empty()) {
    return {};
  }
  constexpr auto kMost =
      std::chrono::duration_cast<std::chrono::milliseconds>(limits::kMaxDeadline);
  if (!all_digits(header) || header.find_first_not_of('0') == std::string_view::npos) {
    return Error{ErrorCode::invalid_argument,
                 std::string(kTimeoutHeader) +
                     " must be a whole number of milliseconds from 1, "
                     "not '" +
                     std::string(header.substr(0, 32)) + "'"};
  }
  const auto most = static_cast<std::uint64_t>(kMost.count());
  const Duration wish = std::chrono::milliseconds(
      static_cast<std::int64_t>(parse_digits(header, most).value_or(most)));
  request.timeout = std::min(request.timeout.value_or(wish), wish);
  return {};
}

void add_model_header(ClientReply& reply, std::string_view model, std::int64_t version) {
  reply.headers.emplace_back("Sluice-Model",
                             percent_encoded(model) + "/" + std::to_string(version));
}

}  // namespace sluice::gateway
