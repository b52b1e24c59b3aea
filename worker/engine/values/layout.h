// Layouts of tensors: which orders are the same bytes, and the copy from one to the other.

#pragma once

#include <cstddef>
#include <vector>

#include "worker/engine/values/tensor.h"

namespace sluice::engine {

// Row-major and channels-last are the same bytes: one channel, one place, or no elements.
bool layouts_coincide(Dims dims);

// Extents in the order of memory: [N,C,H,W] as [N,H,W,C] for channels_last.
Shape physical_dims(Dims dims, Layout layout);
// The dimensions as they lie in memory, the outermost first, and how many elements apart neighbours
// along each of them (by dimension) are there.
std::vector<std::size_t> order_in_memory(std::size_t rank, Layout layout);
Shape strides_in_memory(Dims dims, Layout layout);
// The product of the extents that are outside of a dimension in memory, and of those inside.
std::int64_t extents_before(Dims dims, std::size_t axis, Layout layout);
std::int64_t extents_behind(Dims dims, std::size_t axis, Layout layout);

// Copies `from` into the layout of `to`; same dims and datatype, no strings.
void reorder(const TensorView& from, TensorView& to);

}  // namespace sluice::engine
