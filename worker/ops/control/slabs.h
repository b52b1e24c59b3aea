// Cutting tensors along an axis and joining them again, strings too.

#pragma once

#include <cstdint>
#include <span>

#include "common/base/result.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

// Positions [from, from + count) of `axis`. Without `keep` the axis, of one position, is dropped.
Result<Tensor> cut_slab(
    const TensorView& x, std::size_t axis, std::int64_t from, std::int64_t count, bool keep);

// `parts` side by side along `axis`, or along a new one there. There is one at least;
// invalid_argument when their datatypes or other dims differ.
Result<Tensor> join_slabs(std::span<const TensorView> parts, std::size_t axis, bool new_axis);

// Writes `slab`, which has the dims of `to` without `axis`, to position `at` of `axis`.
void put_slab(const TensorView& slab, std::size_t axis, std::int64_t at, TensorView& to);

}  // namespace sluice::engine
