// Large allocations are held against what the machine has left before they are made: Linux grants
// them all and ends the process when it touches the pages. What is loaded or run may be given less.

#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/result.h"

namespace sluice::engine {

// resource_exhausted with the numbers when `bytes` more cannot be had. `what` starts the sentence:
// "the weights". Whether the machine has less left than limits::kUncheckedBytes is not looked at.
Result<void> check_memory(std::size_t bytes, std::string_view what);

// While it lives, check_memory() grants this thread no more than `bytes` at once. 0: what there is.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t bytes);
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit();

 private:
  std::size_t before_;
};

}  // namespace sluice::engine
