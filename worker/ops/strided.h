// Copying a box of elements from one stride pattern to another: what transposing, slicing, tiling,
// padding and cutting have in common.

#pragma once

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

// A box: extents, and by dimension the distance of neighbours in the source and in the target, in
// elements. 0 repeats an element of the source, negative ones go backwards.
struct StridedCopy {
  Shape extents{};
  Shape from{};
  Shape to{};
};

// The same box with dimensions in the target's order, those of extent 1 left out and neighbours
// that stay together made one. Never without a dimension.
StridedCopy merged(const StridedCopy& box);

// Distances of neighbours in a row-major tensor of `dims`.
Shape strides_of(Dims dims);

// `box` must be merged. Targets of different elements are different. T: an unsigned integer as
// large as an element, or std::string.
template <class T>
void copy_strided(const StridedCopy& box, const T* from, T* to);

// Output 0 from input 0 by a merged box: the run of operators that only move elements, strings too.
Result<void> run_box(const StridedCopy& box, KernelContext& context);

}  // namespace sluice::engine
