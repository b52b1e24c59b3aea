// Likely extents: numbers for what a model's inputs leave open, for guesses along its steps.

#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "worker/engine/graph/graph.h"

namespace sluice::engine {

// By symbol, without those that stand first, which are the batch.
using Extents = std::map<std::string, std::int64_t>;

// Images of 3 x 224 x 224, sequences of 16; the same symbol the same number.
Extents likely_extents(std::span<const Declared> inputs);

// Others to try where steps contradict the likely ones: each symbol as the sum of two others, or of
// one and 1 (a mask covers the past and what is new), then all of them 1 (a table may end early).
std::vector<Extents> other_extents(const Extents& likely);

// The dims of an input. What stands first is `batch`, open extents without a symbol are likely
// ones.
Shape guess_dims(const Declared& declared, std::int64_t batch, const Extents& extents);

}  // namespace sluice::engine
