#include <algorithm>
#include <cstring>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/quant/integer_matmul.h"
#include "worker/ops/simd/cut.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

constexpr std::int64_t kGrain = 65'536;  // multiplications worth a thread's while

// Parts of the caller's memory: numbers by row first, then the rows.
struct Rows {
  std::int32_t* sums;
  std::int32_t* zeros;
  std::byte* bytes;
  std::byte* beyond;  // for sums that become floats
};

Rows rows_in(std::byte* memory, const IntegerProduct& product) {
  auto* const numbers = part_of<std::int32_t>(memory, 0);
  return {numbers,
          numbers + product.m,
          memory + 2 * static_cast<std::size_t>(product.m) * sizeof *numbers,
          memory + aligned(product.rows_size())};
}

simd::Scaling scaling_from(const simd::Scaling& scaling, std::int64_t column) {
  return {.scales = scaling.scales == nullptr ? nullptr : scaling.scales + column,
          .bias = scaling.bias == nullptr ? nullptr : scaling.bias + column};
}

// By pairs of rows of B, with A in 16 bits.
void multiply_pairs(const IntegerProduct& product,
                    const IntegerFactors& factors,
                    const Rows& rows,
                    const IntegerResult& c) {
  const TensorView& a = factors.a;
  const TensorView* const a_zero = factors.a_zero;
  const std::int64_t first = factors.first;
  const BytePanels& b = factors.b;
  const std::int64_t m = product.m;
  const std::int64_t n = product.n;
  const std::int64_t k = product.k;
  const std::int64_t step = 2 * b.groups();
  // NOLINTNEXTLINE: they begin at a number of 32 bits.
  auto* const wide = reinterpret_cast<std::int16_t*>(rows.bytes);
  parallel_for(m, 1 + kGrain / (k + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      rows.sums[row] = widen(a, first + row * k, k, zero_at(a_zero, row), wide + row * step);
      if (step > k) {
        wide[row * step + k] = 0;
      }
    }
  });
  const std::int64_t work = 1 + m * step * kPanel / 8;
  parallel_for(b.panels(), 1 + kGrain / work, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t column = panel * kPanel;
      const std::int64_t columns = std::min(kPanel, n - column);
      const bool scaled = c.y != nullptr;
      std::int32_t* const sums =
          scaled ? part_of<std::int32_t>(rows.beyond, 0) + panel * m * kPanel : c.sums + column;
      const std::int64_t sums_step = scaled ? kPanel : n;
      simd::multiply_panel({.a = wide,
                            .a_step = step,
                            .rows = m,
                            .pairs = b.groups(),
                            .c = sums,
                            .c_step = sums_step,
                            .columns = scaled ? kPanel : columns},
                           b.bytes + panel * b.panel_size());
      for (std::int64_t row = 0; b.zeros != nullptr && row < m; ++row) {
        for (std::int64_t j = 0; j < columns; ++j) {
          std::int32_t& sum = sums[row * sums_step + j];
          // Unsigned, so that sums may wrap.
          sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) -
                                          static_cast<std::uint32_t>(rows.sums[row]) *
                                              static_cast<std::uint32_t>(b.zeros[column + j]));
        }
      }
      if (scaled) {
        simd::scale_rows({.sums = sums,
                          .rows = m,
                          .columns = columns,
                          .scaling = scaling_from(c.scaling, column),
                          .y_step = n},
                         c.y + column);
      }
    }
  });
}

// `to`: from[i], of int8 plus 128, then zeros to whole quads. Returns the sum.
std::int32_t put_unsigned(
    const std::byte* from, std::int64_t k, bool is_signed, std::int64_t step, std::uint8_t* to) {
  constexpr std::uint8_t kSign = 0x80;
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    to[i] = static_cast<std::uint8_t>(static_cast<std::uint8_t>(from[i]) ^ (is_signed ? kSign : 0));
    sum += to[i];
  }
  std::fill(to + k, to + step, std::uint8_t{0});
  return sum;
}

// By quads of rows of B, with A in bytes without a sign. Where they are so already, and no sums of
// theirs are needed, they are read where they lie.
void multiply_quads(const IntegerProduct& product,
                    const IntegerFactors& factors,
                    const Rows& rows,
                    const IntegerResult& c) {
  const TensorView& a = factors.a;
  const TensorView* const a_zero = factors.a_zero;
  const std::int64_t first = factors.first;
  const BytePanels& b = factors.b;
  const std::int64_t m = product.m;
  const std::int64_t k = product.k;
  const std::int64_t step = 4 * b.groups();
  const bool is_signed = a.datatype == DataType::int8;
  const std::byte* const from = static_cast<const std::byte*>(a.data) + first;
  const bool in_place = !is_signed && step == k && b.zeros == nullptr;
  // NOLINTNEXTLINE: bytes.
  auto* const copied = reinterpret_cast<std::uint8_t*>(rows.bytes);
  // NOLINTNEXTLINE: bytes.
  const auto* const bytes = in_place ? reinterpret_cast<const std::uint8_t*>(from) : copied;
  parallel_for(m, 1 + kGrain / (k + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      rows.zeros[row] = zero_at(a_zero, row) + (is_signed ? 128 : 0);
      if (!in_place) {
        rows.sums[row] = put_unsigned(from + row * k, k, is_signed, step, copied + row * step) -
                         static_cast<std::int32_t>(k) * rows.zeros[row];
      }
    }
  });
  const simd::Cut cut = simd::cut_evenly(b.panels(), simd::kQuadPanels);
  // In vectors' products. Few rows wait for the panels.
  constexpr std::int64_t kWaiting = 8;
  constexpr std::int64_t kTileGrain = 16'384;
  const std::int64_t work = 1 + std::max(m, kWaiting) * b.groups() * simd::kQuadPanels;
  parallel_for(cut.tiles, 1 + kTileGrain / work, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t panel = cut.rows * begin + std::min(begin, cut.more);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t column = panel * kPanel;
      const std::int64_t here = cut.rows_of(i);
      const std::int64_t next = i + 1 < end ? cut.rows_of(i + 1) : 0;
      simd::multiply_quads({.a = bytes,
                            .a_step = step,
                            .a_zeros = rows.zeros,
                            .a_sums = rows.sums,
                            .rows = m,
                            .quads = b.groups(),
                            .b_sums = b.sums + column,
                            .b_zeros = b.zeros == nullptr ? nullptr : b.zeros + column,
                            .c = c.sums == nullptr ? nullptr : c.sums + column,
                            .c_step = product.n,
                            .columns = std::min(here * kPanel, product.n - column),
                            .next_size = next * b.panel_size(),
                            .scaling = scaling_from(c.scaling, column),
                            .y = c.y == nullptr ? nullptr : c.y + column},
                           b.bytes + panel * b.panel_size());
      panel += here;
    }
  });
}

}  // namespace

void multiply(const IntegerProduct& product,
              const IntegerFactors& factors,
              std::byte* memory,
              const IntegerResult& c) {
  const Rows rows = rows_in(memory, product);
  if (factors.b.group == 4) {
    multiply_quads(product, factors, rows, c);
  } else {
    multiply_pairs(product, factors, rows, c);
  }
}

}  // namespace sluice::engine
