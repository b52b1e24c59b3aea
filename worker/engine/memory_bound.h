// Large allocations are held against what the machine has left before they are made: Linux grants
// them all and ends the process when it touches the pages.

#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/result.h"

namespace sluice::engine {

// resource_exhausted with the numbers when `bytes` more cannot be had. `what` starts the sentence:
// "the weights". Smaller ones than limits::kUncheckedBytes are not looked at.
Result<void> check_memory(std::size_t bytes, std::string_view what);

}  // namespace sluice::engine
