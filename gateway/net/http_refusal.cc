#include "gateway/net/http_refusal.h"

#include <cstddef>
#include <utility>

namespace sluice::gateway {

Refusal bad_request(std::string sentence) {
  return {400, HttpRefusal::bad_request, {ErrorCode::invalid_argument, std::move(sentence)}};
}

Refusal not_supported(int status, std::string sentence) {
  return {status, HttpRefusal::bad_request, {ErrorCode::unsupported, std::move(sentence)}};
}

Refusal over_limit(int status, HttpRefusal reason, std::string sentence) {
  return {status, reason, {ErrorCode::resource_exhausted, std::move(sentence)}};
}

Refusal too_slow(HttpRefusal reason, std::string sentence) {
  return {408, reason, {ErrorCode::deadline_exceeded, std::move(sentence)}};
}

std::string shown(std::string_view seen) {
  constexpr std::size_t kShown = 64;
  std::string text = "'";
  for (const char c : seen.substr(0, kShown)) {
    text += c >= ' ' && c <= '~' ? c : '?';
  }
  text += seen.size() > kShown ? "...'" : "'";
  return text;
}

}  // namespace sluice::gateway
