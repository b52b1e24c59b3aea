#include "worker/ops/strided.h"

#include <algorithm>
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

void copy_turned(const StridedCopy& box, const std::uint32_t* from, std::uint32_t* to) {
  constexpr std::int64_t kPart = 16;  // rows of the target that a thread takes at least
  const std::size_t last = box.extents.size() - 1;
  const std::int64_t rows = box.extents[last - 1];
  const std::int64_t columns = box.extents[last];
  const std::int64_t parts = (rows + kPart - 1) / kPart;
  std::int64_t matrices = 1;
  for (std::size_t d = 0; d + 1 < last; ++d) {
    matrices *= box.extents[d];
  }
  parallel_for(
      matrices * parts, 1 + 16'384 / (kPart * columns), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end;) {
          const std::int64_t first = at % parts * kPart;
          const std::int64_t taken = std::min(end - at, parts - at % parts);
          const std::uint32_t* source = from + first;
          std::uint32_t* target = to + first * box.to[last - 1];
          std::int64_t rest = at / parts;
          for (std::size_t d = last - 1; d > 0; --d) {
            source += rest % box.extents[d - 1] * box.from[d - 1];
            target += rest % box.extents[d - 1] * box.to[d - 1];
            rest /= box.extents[d - 1];
          }
          transpose_words({.rows = columns,
                           .columns = std::min(taken * kPart, rows - first),
                           .from_step = box.from[last],
                           .to_step = box.to[last - 1]},
                          source,
                          target);
          at += taken;
        }
      });
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
