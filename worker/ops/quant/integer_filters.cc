#include "worker/ops/quant/integer_filters.h"

#include <algorithm>
#include <array>

#include "worker/ops/quant/integer_core.h"
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
      part_of<std::uint8_t>(memory, 2 * static_cast<std::size_t>(count + 1) * sizeof(std::int32_t));
  const std::int32_t shift = w.datatype == DataType::int8 ? 128 : 0;
  for (std::int64_t filter = 0; filter <= count; ++filter) {
    const bool ones = filter == filters.ones;
    std::uint8_t* const to = bytes + filter * filters.step;
    zeros[filter] = ones ? 0 : zero_at(zero, filter) + shift;
    sums[filter] = 0;
    for (std::int64_t i = 0; i < depth; ++i) {
      to[i] = static_cast<std::uint8_t>(ones ? 1 : byte_at(w, filter * depth + i) + shift);
      sums[filter] += to[i] - zeros[filter];
    }
    std::fill(to + depth, to + filters.step, std::uint8_t{0});
  }
  filters.bytes = bytes;
  filters.zeros = zeros;
  filters.sums = sums;
  return filters;
}

void multiply(const FilterProduct& product, const std::int16_t* panels, const FilterResult& to) {
  const PaddedImage& image = product.image;
  for (std::int64_t panel = product.begin; panel < product.end; ++panel) {
    const std::int64_t first = image.first(panel);
    simd::multiply_panel({.a = product.filters.wide + product.first * product.filters.step,
                          .a_step = product.filters.step,
                          .rows = product.count,
                          .pairs = image.groups,
                          .c = to.sums + first - image.first(product.begin),
                          .c_step = to.step,
                          .columns = image.first(panel + 1) - first},
                         panels + (panel - product.begin) * image.panel_size());
  }
}

void multiply(const FilterProduct& product, const std::int8_t* panels, const FilterResult& to) {
  const PaddedImage& image = product.image;
  const Filters& filters = product.filters;
  std::array<std::int32_t, 2 * kPanel> sums{};
  std::array<std::int32_t, 2 * kPanel> zeros{};
  std::array<float, 2 * kPanel> scales{};
  zeros.fill(product.zero);
  scales.fill(to.scale);
  const std::int64_t base = image.first(product.begin);
  for (std::int64_t panel = product.begin; panel < product.end;) {
    const std::int64_t first = image.first(panel);
    const bool both = panel + 1 < product.end && image.first(panel + 1) == first + kPanel;
    const std::int64_t next = panel + (both ? 2 : 1);
    const std::int8_t* const b = panels + (panel - product.begin) * image.panel_size();
    simd::QuadProduct quads{.a = filters.bytes + filters.ones * filters.step,
                            .a_step = filters.step,
                            .a_zeros = filters.zeros + filters.ones,
                            .a_sums = nullptr,
                            .rows = 1,
                            .quads = image.groups,
                            .b_sums = zeros.data(),  // times 0
                            .b_zeros = nullptr,
                            .c = sums.data(),
                            .c_step = 0,
                            .columns = image.first(next) - first};
    simd::multiply_quads(quads, b);
    quads.a = filters.bytes + product.first * filters.step;
    quads.a_zeros = filters.zeros + product.first;
    quads.a_sums = filters.sums + product.first;
    quads.rows = product.count;
    quads.b_sums = sums.data();
    quads.b_zeros = product.zero == 0 ? nullptr : zeros.data();
    quads.c = to.sums == nullptr ? nullptr : to.sums + first - base;
    quads.c_step = to.step;
    quads.scaling = {.scales = scales.data()};
    quads.y = to.y == nullptr ? nullptr : to.y + first - base;
    quads.row_bias = to.bias;
    simd::multiply_quads(quads, b);
    panel = next;
  }
}

}  // namespace sluice::engine
