#include "worker/ops/control/slabs.h"

#include <algorithm>
#include <string>

#include "worker/ops/elements.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// `rows` runs of `length` elements each, `from_step` and `to_step` elements apart.
void copy_runs(const TensorView& from,
               std::int64_t from_start,
               std::int64_t from_step,
               TensorView& to,
               std::int64_t to_start,
               std::int64_t to_step,
               std::int64_t rows,
               std::int64_t length) {
  if (length == 0) {
    return;
  }
  dispatch_element(from.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::copy_n(elements<T>(from) + from_start + row * from_step,
                  length,
                  elements<T>(to) + to_start + row * to_step);
    }
  });
}

}  // namespace

Result<Tensor> cut_slab(
    const TensorView& x, std::size_t axis, std::int64_t from, std::int64_t count, bool keep) {
  Shape dims(x.dims.begin(), x.dims.end());
  if (keep) {
    dims[axis] = count;
  } else {
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  SLUICE_TRY_ASSIGN(Tensor slab, Tensor::create(x.datatype, std::move(dims)));
  TensorView to = slab.view();
  const std::int64_t inner = product(x.dims, axis + 1, x.dims.size());
  copy_runs(x,
            from * inner,
            x.dims[axis] * inner,
            to,
            0,
            count * inner,
            product(x.dims, 0, axis),
            count * inner);
  return slab;
}

Result<Tensor> join_slabs(std::span<const TensorView> parts, std::size_t axis, bool new_axis) {
  Shape dims(parts[0].dims.begin(), parts[0].dims.end());
  if (new_axis) {
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis),
                static_cast<std::int64_t>(parts.size()));
  } else {
    dims[axis] = 0;
  }
  for (const TensorView& part : parts) {
    Shape like(part.dims.begin(), part.dims.end());
    Shape first(parts[0].dims.begin(), parts[0].dims.end());
    if (!new_axis && like.size() == first.size()) {
      dims[axis] += like[axis];
      like[axis] = first[axis];
    }
    if (like != first || part.datatype != parts[0].datatype) {
      return bad_input("tensors of shape " + to_string(parts[0].dims) + " and " +
                       to_string(part.dims) + " cannot be joined along axis " +
                       std::to_string(axis));
    }
  }
  SLUICE_TRY_ASSIGN(Tensor joined, Tensor::create(parts[0].datatype, dims));
  TensorView to = joined.view();
  const std::int64_t inner = product(dims, axis + 1, dims.size());
  const std::int64_t outer = product(dims, 0, axis);
  std::int64_t at = 0;
  for (const TensorView& part : parts) {
    const std::int64_t length = (new_axis ? 1 : part.dims[axis]) * inner;
    copy_runs(part, 0, length, to, at, dims[axis] * inner, outer, length);
    at += length;
  }
  return joined;
}

void put_slab(const TensorView& slab, std::size_t axis, std::int64_t at, TensorView& to) {
  const std::int64_t inner = product(to.dims, axis + 1, to.dims.size());
  copy_runs(
      slab, 0, inner, to, at * inner, to.dims[axis] * inner, product(to.dims, 0, axis), inner);
}

}  // namespace sluice::engine
