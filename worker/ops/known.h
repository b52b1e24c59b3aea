// Values of inputs that shapes hang on: axes, pads, counts. They are known at bind where they are
// constants or were folded; else infer says so and the plan asks again with the values of the run.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"

namespace sluice::engine {

using KnownIntegers = std::optional<std::vector<std::int64_t>>;

// The integers of input `i`; nullopt when only the run will know them. The input must be there.
Result<KnownIntegers> known_integers(const InputFacts& facts, std::size_t i);

// What infer was told, for those steps of bind that need the same numbers: all it knew is known.
std::vector<InputFact> facts_at_bind(const BindContext& context);

// The one element of `tensor`, a number of any datatype, truncated. invalid_argument when it is not
// one number, or not finite.
Result<std::int64_t> integer_in(const TensorView& tensor);

}  // namespace sluice::engine
