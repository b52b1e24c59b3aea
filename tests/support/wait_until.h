// wait_until: for tests over real processes and threads, where a condition becomes true at some
// time. Unit tests have a clock in their hands and need none of this.

#pragma once

#include <chrono>
#include <functional>

namespace sluice::test {

// True as soon as `condition` is; false when it was not within `limit`. Asked every 2 ms.
[[nodiscard]] bool wait_until(const std::function<bool()>& condition,
                              std::chrono::milliseconds limit = std::chrono::seconds(10));

}  // namespace sluice::test
