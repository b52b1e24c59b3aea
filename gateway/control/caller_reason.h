// What callers may read of the reason why a version has failed. Pure.

#pragma once

#include <string>
#include <string_view>

namespace sluice::gateway {

// The sentence with each absolute path cut to its last part: callers know models by name and
// version, not this machine's folders. A path in quotes ends at the closing one, another at a space
// or a mark. Whoever operates the server finds the path in the log and in the worker's own reason.
std::string reason_for_callers(std::string_view reason);

}  // namespace sluice::gateway
