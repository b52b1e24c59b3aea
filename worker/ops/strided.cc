#include "worker/ops/strided.h"

#include <type_traits>

#include "worker/ops/elements.h"

namespace sluice::engine {

StridedCopy merged(const StridedCopy& box) {
  StridedCopy made;
  for (std::size_t d = 0; d < box.extents.size(); ++d) {
    const std::int64_t extent = box.extents[d];
    if (extent == 1) {
      continue;
    }
    if (!made.extents.empty() && made.from.back() == box.from[d] * extent &&
        made.to.back() == box.to[d] * extent) {
      made.extents.back() *= extent;
      made.from.back() = box.from[d];
      made.to.back() = box.to[d];
    } else {
      made.extents.push_back(extent);
      made.from.push_back(box.from[d]);
      made.to.push_back(box.to[d]);
    }
  }
  if (made.extents.empty()) {
    return {.extents = {1}, .from = {1}, .to = {1}};
  }
  return made;
}

Shape strides_of(Dims dims) {
  Shape strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i > 1; --i) {
    strides[i - 2] = strides[i - 1] * dims[i - 1];
  }
  return strides;
}

Result<void> run_box(const StridedCopy& box, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count > 0) {
    dispatch_element(y.datatype, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      copy_strided(box, elements<T>(context.input(0)), elements<T>(y));
    });
  }
  return {};
}

}  // namespace sluice::engine
