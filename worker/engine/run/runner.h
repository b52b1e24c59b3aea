// Runner: a plan's bindings and memory, for runs one after another. What an execution has, and
// each graph inside a node of a binding.

#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/tensor/buffer.h"
#include "worker/engine/bind/binding.h"
#include "worker/engine/engine.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

class Runner {
 public:
  // `plan` outlives the runner.
  explicit Runner(const Plan& plan) : plan_(plan) {}

  // May throw bad_alloc; can be used again after any error.
  Result<void> run(const RunArguments& arguments);

  // Null before the first run.
  [[nodiscard]] const Binding* binding() const {
    return bindings_.empty() ? nullptr : bindings_.front().get();
  }
  [[nodiscard]] std::size_t arena_size() const { return arena_.size(); }

 private:
  [[nodiscard]] bool may_have_nan(const RunArguments& arguments) const;
  Result<void> make_room(const Binding& binding);
  Result<void> select(const RunArguments& arguments);

  const Plan& plan_;
  std::vector<std::unique_ptr<Binding>> bindings_;  // most recently used first
  MemoryHold held_;                                 // for the arena
  MutableBuffer arena_;
};

}  // namespace sluice::engine
