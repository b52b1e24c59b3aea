#include "worker/ops/quant/integer_filters.h"

#include <algorithm>
#include <array>

#include "worker/ops/quant/integer_core.h"
#include "worker/ops/simd/filter_quads.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

std::int64_t step_of(Dims w) {
  const std::int64_t group = simd::has_quads() ? 4 : 2;
  return (product(w, 1, w.size()) + group - 1) / group * group;
}

Filters pack_wide(const TensorView& w, const TensorView* zero, std::byte* memory) {
  const std::int64_t depth = product(w.dims, 1, w.dims.size());
  Filters filters{.step = step_of(w.dims)};
  auto* const wide = part_of<std::int16_t>(memory, 0);
  for (std::int64_t filter = 0; filter < w.dims[0]; ++filter) {
    std::int16_t* const to = wide + filter * filters.step;
    widen(w, filter * depth, depth, zero_at(zero, filter), to);
    std::fill(to + depth, to + filters.step, std::int16_t{0});
  }
  filters.wide = wide;
  return filters;
}

}  // namespace

std::size_t filters_size(Dims w) {
  const auto count = static_cast<std::size_t>(w[0] + 1);
  const auto step = static_cast<std::size_t>(step_of(w));
  return simd::has_quads() ? count * (2 * sizeof(std::int32_t) + step)
                           : count * step * sizeof(std::int16_t);
}

Filters pack_filters(const TensorView& w, const TensorView* zero, std::byte* memory) {
  if (!simd::has_quads()) {
    return pack_wide(w, zero, memory);
  }
  const std::int64_t count = w.dims[0];
  const std::int64_t depth = product(w.dims, 1, w.dims.size());
  Filters filters{.step = step_of(w.dims), .ones = count};
  auto* const zeros = part_of<std::int32_t>(memory, 0);
  std::int32_t* const sums = zeros + count + 1;
  auto* const bytes =
      part_of<std::int8_t>(memory, 2 * static_cast<std::size_t>(count + 1) * sizeof(std::int32_t));
  const std::int32_t shift = w.datatype == DataType::uint8 ? 128 : 0;
  bool any = false;
  for (std::int64_t filter = 0; filter <= count; ++filter) {
    const bool ones = filter == filters.ones;
    std::int8_t* const to = bytes + filter * filters.step;
    zeros[filter] = ones ? 0 : zero_at(zero, filter) - shift;
    any = any || zeros[filter] != 0;
    sums[filter] = 0;
    for (std::int64_t i = 0; i < depth; ++i) {
      to[i] = static_cast<std::int8_t>(ones ? 1 : byte_at(w, filter * depth + i) - shift);
      sums[filter] += to[i] - zeros[filter];
    }
    std::fill(to + depth, to + filters.step, std::int8_t{0});
  }
  filters.bytes = bytes;
  filters.zeros = any ? zeros : nullptr;
  filters.sums = sums;
  return filters;
}

void multiply(const FilterProduct& product,
              const std::int16_t* panels,
              std::int64_t step,
              std::int32_t* sums) {
  const PaddedImage& image = product.image;
  for (std::int64_t panel = product.begin; panel < product.end; ++panel) {
    const std::int64_t first = image.first(panel);
    simd::multiply_panel({.a = product.filters.wide + product.first * product.filters.step,
                          .a_step = product.filters.step,
                          .rows = product.count,
                          .pairs = image.groups,
                          .c = sums + first - image.first(product.begin),
                          .c_step = step,
                          .columns = image.first(panel + 1) - first},
                         panels + (panel - product.begin) * image.panel_size());
  }
}

template <class T>
void multiply(const FilterProduct& product,
              const std::uint8_t* panels,
              const FilterEnds& ends,
              std::int64_t step,
              T* to) {
  const PaddedImage& image = product.image;
  const Filters& filters = product.filters;
  const std::int64_t base = image.first(product.begin);
  const bool adds_up = filters.zeros != nullptr;
  const std::int32_t nothing = 0;
  std::array<std::int32_t, 2 * kPanel> column_sums{};
  for (std::int64_t panel = product.begin; panel < product.end;) {
    const std::int64_t first = image.first(panel);
    const bool both = panel + 1 < product.end && image.first(panel + 1) == first + kPanel;
    const std::int64_t next = panel + (both ? 2 : 1);
    const std::uint8_t* const b = panels + (panel - product.begin) * image.panel_size();
    const std::int64_t columns = image.first(next) - first;
    if (adds_up) {
      simd::multiply_filters({.filters = filters.bytes + filters.ones * filters.step,
                              .filter_step = filters.step,
                              .count = 1,
                              .quads = image.groups,
                              .starts = &nothing,
                              .zeros = nullptr,
                              .column_sums = nullptr,
                              .columns = columns},
                             b,
                             column_sums.data());
    }
    simd::multiply_filters(
        {.filters = filters.bytes + product.first * filters.step,
         .filter_step = filters.step,
         .count = product.count,
         .quads = image.groups,
         .starts = ends.starts + product.first,
         .zeros = adds_up ? filters.zeros + product.first : nullptr,
         .column_sums = column_sums.data(),
         .columns = columns,
         .scales = ends.scales != nullptr ? ends.scales + product.first : nullptr,
         .offsets = ends.offsets != nullptr ? ends.offsets + product.first : nullptr,
         .result_zero = ends.zero,
         .step = step},
        b,
        to + (first - base));
    panel = next;
  }
}

template void multiply(
    const FilterProduct&, const std::uint8_t*, const FilterEnds&, std::int64_t, std::int32_t*);
template void multiply(
    const FilterProduct&, const std::uint8_t*, const FilterEnds&, std::int64_t, float*);
template void multiply(
    const FilterProduct&, const std::uint8_t*, const FilterEnds&, std::int64_t, std::int8_t*);
template void multiply(
    const FilterProduct&, const std::uint8_t*, const FilterEnds&, std::int64_t, std::uint8_t*);

}  // namespace sluice::engine
