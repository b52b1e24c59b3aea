// Large allocations are held against what the machine has left before they are made: Linux grants
// them all and ends the process when it touches the pages. What is loaded or run may be given less:
// a budget, of which all that is held at one time is taken. Constants, packed weights, arenas,
// scratch and whatever a run makes as it goes are held; what the caller makes room for (inputs,
// outputs), the characters of strings and what kernels keep of a shape are only looked at.

#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace sluice::engine {

// What a session and its executions may hold together, from whichever threads.
struct MemoryBudget {
  std::size_t limit = 0;
  std::atomic<std::size_t> in_use = 0;
};

// Null for 0, which is what there is.
std::shared_ptr<MemoryBudget> make_budget(std::size_t bytes);

// Bytes taken of a budget, given back at its end. May be empty.
class MemoryHold {
 public:
  MemoryHold() = default;
  MemoryHold(std::shared_ptr<MemoryBudget> budget, std::size_t bytes)
      : budget_(std::move(budget)), bytes_(bytes) {}
  MemoryHold(MemoryHold&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryHold& operator=(MemoryHold&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    other.give_back();
    return *this;
  }
  ~MemoryHold() { give_back(); }

 private:
  void give_back() noexcept {
    if (budget_ != nullptr) {
      budget_->in_use.fetch_sub(bytes_, std::memory_order_relaxed);
      budget_.reset();
    }
  }
  std::shared_ptr<MemoryBudget> budget_;
  std::size_t bytes_ = 0;
};

// resource_exhausted with the numbers when `bytes` more cannot be had. `what` starts the sentence:
// "the weights". Whether the machine has less left than limits::kUncheckedBytes is not looked at.
Result<void> check_memory(std::size_t bytes, std::string_view what);
// The same, and takes them of this thread's budget, if it has one.
Result<MemoryHold> hold_memory(std::size_t bytes, std::string_view what);

// While it lives, this thread takes of the budget. Null: of what there is.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::shared_ptr<MemoryBudget> budget);
  explicit MemoryLimit(std::size_t bytes) : MemoryLimit(make_budget(bytes)) {}
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit();

 private:
  std::shared_ptr<MemoryBudget> budget_;
  const std::shared_ptr<MemoryBudget>* before_;
};

}  // namespace sluice::engine
