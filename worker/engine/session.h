// The engine's Session and Execution over a Plan and its Bindings.

#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "worker/engine/engine.h"
#include "worker/engine/graph/registry.h"
#include "worker/engine/plan/plan.h"
#include "worker/engine/read/reader.h"

namespace sluice::engine {

// Reads, plans and packs. The session keeps the registry.
Result<std::unique_ptr<Session>> load_session(const LoadOptions& options,
                                              std::shared_ptr<const Registry> registry,
                                              const PlanOptions& plan_options);

// The same from a model that has been read.
Result<std::unique_ptr<Session>> make_session(Model model,
                                              int threads,
                                              std::shared_ptr<const Registry> registry,
                                              const PlanOptions& plan_options);

// Figures of a bound shape, for tests and `bench`.
struct BindingFigures {
  std::size_t steps = 0;
  std::size_t reorders = 0;
  std::size_t reordered_bytes = 0;
  std::size_t arena_bytes = 0;
};
// Of the execution's last run; `execution` is one of ours.
BindingFigures figures_of(const Execution& execution);

}  // namespace sluice::engine
