// Looks at a model file: for `sluice inspect`.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/engine/graph/registry.h"
#include "worker/engine/inspection.h"
#include "worker/engine/read/reader.h"

namespace sluice::engine {

// Operators that a graph and those inside it use and `registry` has not, ordered by `what`.
std::vector<MissingOperator> missing_operators(const Graph& graph, const Registry& registry);

// Tries to load the model; what stands against that is in `refusal`.
Inspection inspect(Model model, std::shared_ptr<const Registry> registry);

}  // namespace sluice::engine
