// The trees of TreeEnsembleClassifier and TreeEnsembleRegressor: parallel lists of attributes.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html (read 2026-11).

#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/ops/ml/forest.h"

namespace sluice::engine {

// A list of numbers: `name` has floats, or, since version 3, `name`_as_tensor floats or doubles.
Result<std::vector<double>> parse_numbers(Attributes& attributes,
                                          const std::string& name,
                                          bool knows_tensors);
// The numbers of an attribute that is a tensor of floats, doubles or bytes; empty when absent.
Result<std::vector<double>> parse_tensor(Attributes& attributes, const std::string& name);

// Reads nodes_* and `votes`_treeids, _nodeids, _ids and _weights ("class" or "target").
Result<Forest> parse_forest(Attributes& attributes, const std::string& votes, bool knows_tensors);

}  // namespace sluice::engine
