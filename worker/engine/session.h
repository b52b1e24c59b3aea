// The engine's Session and Execution over a Plan and its Bindings.

#pragma once

#include <memory>
#include <span>
#include <string>

#include "common/base/result.h"
#include "worker/engine/engine.h"
#include "worker/engine/plan.h"
#include "worker/engine/registry.h"

namespace sluice::engine {

// Reads, plans and packs. The session keeps the registry.
Result<std::unique_ptr<Session>> load_session(const LoadOptions& options,
                                              std::shared_ptr<const Registry> registry,
                                              const PlanOptions& plan_options);

// The same from the bytes of a model; they may go when it returns.
Result<std::unique_ptr<Session>> load_session(std::span<const std::byte> bytes,
                                              int threads,
                                              std::shared_ptr<const Registry> registry,
                                              const PlanOptions& plan_options);

// Figures of a bound shape, for tests and `bench`.
struct BindingFigures {
  std::size_t steps = 0;
  std::size_t reorders = 0;
  std::size_t arena_bytes = 0;
};
// Of the execution's last run; `execution` is one of ours.
BindingFigures figures_of(const Execution& execution);

}  // namespace sluice::engine
