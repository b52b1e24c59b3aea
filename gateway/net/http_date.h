// The Date header's form of a time. Pure.

#pragma once

#include <ctime>
#include <string>

namespace sluice::gateway {

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7), in English whatever the locale.
std::string http_date(std::time_t seconds);

}  // namespace sluice::gateway
