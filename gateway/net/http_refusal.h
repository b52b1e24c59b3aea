// Refusal: what the listener itself answers to bytes it will not serve.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "gateway/net/http_counters.h"

namespace sluice::gateway {

struct [[nodiscard]] Refusal {
  int status = 400;
  HttpRefusal reason = HttpRefusal::bad_request;
  Error error;  // the sentence for the caller
};

// 400.
Refusal bad_request(std::string sentence);
// 501, 505 and 417: understood, but not something this server does.
Refusal not_supported(int status, std::string sentence);
// 413, 414, 431 and 503: a bound was reached.
Refusal over_limit(int status, HttpRefusal reason, std::string sentence);
// 408.
Refusal too_slow(HttpRefusal reason, std::string sentence);

// What the caller sent, safe to repeat to them: at most 64 bytes, in single quotes, with anything
// but printable ASCII shown as '?'.
std::string shown(std::string_view seen);

}  // namespace sluice::gateway
