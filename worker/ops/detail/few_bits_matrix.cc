#include "worker/ops/detail/few_bits_matrix.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/few_bits.h"
#include "worker/ops/simd/panels.h"

namespace sluice::engine::detail {
namespace {

using simd::kFloatPanel;

// What is float32 at a time: of few rows, which read it once, most of a core's first cache; of many
// rows what their products are cut into, in the second.
struct Cut {
  std::int64_t panels;
  std::int64_t depth;  // even
};
constexpr std::int64_t kFewRows = 2;
constexpr Cut kCutOfFew{.panels = 8, .depth = 64};
constexpr Cut kCutOfMany{.panels = 4, .depth = 256};
constexpr std::int64_t kMostFloats = kCutOfMany.panels * kCutOfMany.depth * kFloatPanel;
static_assert(kCutOfFew.panels * kCutOfFew.depth * kFloatPanel <= kMostFloats);
constexpr std::int64_t kRowBlock = 192;  // whose part of a stays in a core's second cache

std::int64_t panels_of(std::int64_t n) {
  return (n + kFloatPanel - 1) / kFloatPanel;
}

const float* floats_in(const Buffer& buffer) {
  const void* const bytes = buffer.data();
  return static_cast<const float*>(bytes);
}

const std::uint8_t* bytes_in(const Buffer& buffer) {
  const void* const bytes = buffer.data();
  return static_cast<const std::uint8_t*>(bytes);
}

// [panels][row_groups][kFloatPanel] of number(column, group); 0 behind the last column.
template <class Number>
Buffer in_panels(const FewBits& b, const Number& number) {
  const std::int64_t panels = panels_of(b.n);
  MutableBuffer made(static_cast<std::size_t>(panels * b.row_groups * kFloatPanel) * sizeof(float));
  auto* to = static_cast<float*>(static_cast<void*>(made.data()));
  for (std::int64_t column = 0; column < panels * kFloatPanel; column += kFloatPanel) {
    for (std::int64_t group = 0; group < b.row_groups; ++group) {
      for (std::int64_t j = column; j < column + kFloatPanel; ++j) {
        *to++ = j < b.n ? number(j, group) : 0.0F;
      }
    }
  }
  return std::move(made).freeze();
}

Buffer codes_in_panels(const FewBits& b, bool halves) {
  const std::int64_t panels = panels_of(b.n);
  const std::int64_t lines = halves ? (b.k + 1) / 2 : b.k;
  MutableBuffer made(static_cast<std::size_t>(panels * lines * kFloatPanel));
  std::ranges::fill(made.bytes(), std::byte{0});
  for (std::int64_t j = 0; j < b.n; ++j) {
    std::byte* const to = made.data() + j / kFloatPanel * lines * kFloatPanel + j % kFloatPanel;
    for (std::int64_t i = 0; i < b.k; ++i) {
      const int code = b.code(j, i);
      to[(halves ? i / 2 : i) * kFloatPanel] |=
          static_cast<std::byte>(halves && i % 2 == 1 ? code << 4 : code);
    }
  }
  return std::move(made).freeze();
}

}  // namespace

// Some rows, and columns of whole panels.
struct FewBitsMatrix::Part {
  const float* a;
  std::int64_t rows;
  std::int64_t column;
  std::int64_t columns;
  Cut cut;
  float* c;  // of column 0
};

FewBitsMatrix::FewBitsMatrix(const FewBits& b)
    : n_(b.n),
      k_(b.k),
      row_groups_(b.row_groups),
      halves_(b.bits <= 4),
      zero_(static_cast<float>(1 << (b.bits - 1))),
      block_(b.block),
      groups_(b.groups, b.groups + (b.groups != nullptr ? b.k : 0)),
      codes_(codes_in_panels(b, halves_)),
      scales_(in_panels(b, [&](std::int64_t row, std::int64_t group) {
        return b.scales[row * b.row_groups + group];
      })) {
  if (b.zeros != nullptr || b.zero_codes != nullptr) {
    zeros_ = in_panels(b, [&](std::int64_t row, std::int64_t group) { return b.zero(row, group); });
  }
}

void FewBitsMatrix::multiply_part(const Part& part, const float* bias, const Tail& tail) const {
  alignas(64) float wide[kMostFloats];
  const std::int64_t first = part.column / kFloatPanel;
  const std::int64_t panels = panels_of(part.columns);
  const std::int64_t lines = halves_ ? (k_ + 1) / 2 : k_;
  const std::int64_t panel_groups = row_groups_ * kFloatPanel;
  for (std::int64_t i = 0; i < k_; i += part.cut.depth) {
    const std::int64_t depth = std::min(part.cut.depth, k_ - i);
    for (std::int64_t p = 0; p < panels; ++p) {
      const std::int64_t panel = first + p;
      simd::widen_panel(
          {.codes = bytes_in(codes_) + panel * lines * kFloatPanel,
           .halves = halves_,
           .groups = groups_.empty() ? nullptr : groups_.data(),
           .block = block_,
           .scales = floats_in(scales_) + panel * panel_groups,
           .zeros = zeros_.size() > 0 ? floats_in(zeros_) + panel * panel_groups : nullptr,
           .zero = zero_},
          i,
          depth,
          wide + p * depth * kFloatPanel);
    }
    simd::multiply_panels({.a = part.a + i,
                           .a_row_step = k_,
                           .a_k_step = 1,
                           .rows = part.rows,
                           .k = depth,
                           .panel = wide,
                           .panel_step = depth * kFloatPanel,
                           .c = part.c + part.column,
                           .c_step = n_,
                           .columns = part.columns,
                           .adds = i > 0,
                           .bias = bias != nullptr ? bias + part.column : nullptr,
                           .tail = i + depth == k_ ? &tail : nullptr});
  }
}

void FewBitsMatrix::multiply(
    const float* a, std::int64_t rows, const float* bias, const Tail& tail, float* c) const {
  const Cut& cut = rows <= kFewRows ? kCutOfFew : kCutOfMany;
  const std::int64_t width = cut.panels * kFloatPanel;
  const std::int64_t parts = (n_ + width - 1) / width;
  const std::int64_t blocks = (rows + kRowBlock - 1) / kRowBlock;
  const std::int64_t work = 1 + (4 + std::min(rows, kRowBlock)) * k_ * width / 16;
  parallel_for(parts * blocks, 1 + 65'536 / work, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t column = item % parts * width;
      const std::int64_t row = item / parts * kRowBlock;
      multiply_part({.a = a + row * k_,
                     .rows = std::min(kRowBlock, rows - row),
                     .column = column,
                     .columns = std::min(width, n_ - column),
                     .cut = cut,
                     .c = c + row * n_},
                    bias,
                    tail);
    }
  });
}

}  // namespace sluice::engine::detail
