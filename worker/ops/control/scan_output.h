// What a loop collects turn by turn, joined along a new axis at its end.

#pragma once

#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/values/value.h"

namespace sluice::engine {

class ScanOutput {
 public:
  // invalid_argument for what is no tensor, or another datatype or shape than before.
  Result<void> add(Value value);
  // `declared`: the body's output, for the dims of nothing at all (0 where it leaves one open).
  // `backwards`: the last turn comes first.
  Result<Tensor> join(const Declared& declared, std::int64_t axis, bool backwards) const;

 private:
  std::vector<Value> values_;
};

}  // namespace sluice::engine
