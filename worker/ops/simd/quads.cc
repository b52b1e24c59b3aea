#include "worker/ops/simd/quads.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/quads.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/cut.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// What is still to be taken off a sum of a * b.
HWY_INLINE std::uint32_t zero_part(const QuadProduct& product, std::int64_t row, std::int64_t j) {
  const auto times = [](std::int32_t x, std::int32_t y) {
    return static_cast<std::uint32_t>(x) * static_cast<std::uint32_t>(y);  // wraps
  };
  return times(product.a_zeros[row], product.b_sums[j]) +
         (product.b_zeros == nullptr ? 0U : times(product.a_sums[row], product.b_zeros[j]));
}

// For machines that are not asked to; what the other is tested against.
void multiply_quads_plainly(const QuadProduct& product, const std::int8_t* panels) {
  for (std::int64_t row = 0; row < product.rows; ++row) {
    const std::uint8_t* const a = product.a + row * product.a_step;
    for (std::int64_t j = 0; j < product.columns; ++j) {
      const std::int8_t* const b = panels + (j / kPanel * product.quads * kPanel + j % kPanel) * 4;
      std::uint32_t sum = 0;  // wraps
      for (std::int64_t i = 0; i < 4 * product.quads; ++i) {
        sum += static_cast<std::uint32_t>(std::int32_t{a[i]} *
                                          std::int32_t{b[i / 4 * 4 * kPanel + i % 4]});
      }
      const auto exact = static_cast<std::int32_t>(sum - zero_part(product, row, j));
      if (product.y == nullptr) {
        product.c[row * product.c_step + j] = exact;
        continue;
      }
      const float scaled = static_cast<float>(exact) * product.scaling.scales[j];
      const float shifted =
          product.scaling.bias == nullptr ? scaled : scaled + product.scaling.bias[j];
      product.y[row * product.c_step + j] = shifted;
    }
  }
}

#if HWY_TARGET == HWY_SCALAR

void pack_quad_rows(const std::uint8_t* from,
                    const std::int32_t* rows,
                    std::int64_t quads,
                    std::int64_t apart,
                    std::uint8_t* to) {
  for (std::int64_t i = 0; i < 4 * quads * kPanel; ++i) {
    to[i] = from[rows[i / (4 * kPanel) * 4 + i % 4] + i / 4 % kPanel * apart];
  }
}

#else

using RowOfPanel = hn::FixedTag<std::uint8_t, kPanel>;

template <std::int64_t kApart>
HWY_INLINE hn::Vec<RowOfPanel> load_row(const std::uint8_t* from) {
  const RowOfPanel d;
  if constexpr (kApart == 1) {
    return hn::LoadU(d, from);
  } else {
    const hn::FixedTag<std::int16_t, kPanel / 2> twos;
    const hn::Rebind<std::uint8_t, decltype(twos)> half;
    const auto first_of_two = [&](const std::uint8_t* at) HWY_ATTR {
      const auto both = hn::BitCast(twos, hn::LoadU(d, at));
      return hn::DemoteTo(half, hn::And(both, hn::Set(twos, 0xFF)));
    };
    return hn::Combine(d, first_of_two(from + kPanel), first_of_two(from));
  }
}

template <std::int64_t kApart>
HWY_INLINE void pack_quad_rows_by(const std::uint8_t* from,
                                  const std::int32_t* rows,
                                  std::int64_t quads,
                                  std::uint8_t* to) {
  const RowOfPanel d;
  const hn::RepartitionToWide<decltype(d)> twos;
  const auto store = [&](auto low, auto high, std::uint8_t* at) HWY_ATTR {
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(twos, low, high)), d, at);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(twos, low, high)), d, at + kPanel);
  };
  for (std::int64_t quad = 0; quad < quads; ++quad, rows += 4, to += 4 * kPanel) {
    const auto a = load_row<kApart>(from + rows[0]);
    const auto b = load_row<kApart>(from + rows[1]);
    const auto c = load_row<kApart>(from + rows[2]);
    const auto e = load_row<kApart>(from + rows[3]);
    store(hn::BitCast(twos, hn::InterleaveLower(d, a, b)),
          hn::BitCast(twos, hn::InterleaveLower(d, c, e)),
          to);
    store(hn::BitCast(twos, hn::InterleaveUpper(d, a, b)),
          hn::BitCast(twos, hn::InterleaveUpper(d, c, e)),
          to + 2 * kPanel);
  }
}

void pack_quad_rows(const std::uint8_t* from,
                    const std::int32_t* rows,
                    std::int64_t quads,
                    std::int64_t apart,
                    std::uint8_t* to) {
  if (apart == 1) {
    pack_quad_rows_by<1>(from, rows, quads, to);
  } else {
    pack_quad_rows_by<2>(from, rows, quads, to);
  }
}

#endif

#if HWY_TARGET == HWY_AVX3

bool multiplies_quads() {
  return __builtin_cpu_supports("avx512vnni") != 0;
}

// Highway's own target with these instructions wants others that not every such machine has. Not
// pushed onto this one: clang takes the first of two.
HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")

// The panels that are wanted next, brought near a few lines at a time while others are multiplied.
struct QuadsAhead {
  static constexpr std::int64_t kTurn = 8;  // quads
  static constexpr std::int64_t kLine = 64;

  const std::int8_t* at;
  const std::int8_t* end;
  std::int64_t bytes;  // a turn

  HWY_INLINE void bring() {
    const std::int8_t* const until = end - at > bytes ? at + bytes : end;
    for (; at < until; at += kLine) {
      __builtin_prefetch(at, 0, 2);  // to the second cache: the first has others to hold
    }
  }
};

template <std::int64_t kRows, std::int64_t kPanels>
HWY_INLINE void multiply_quad_tile(const QuadProduct& product,
                                   std::int64_t row,
                                   const std::int8_t* panels,
                                   QuadsAhead& ahead) {
  const std::uint8_t* const a = product.a + row * product.a_step;
  // Where the rows have one zero point, as mostly, what it makes is taken off before.
  const std::int32_t* const zeros = product.a_zeros + row;
  const bool one_zero = std::all_of(
      zeros, zeros + kRows, [&](std::int32_t zero) HWY_ATTR { return zero == zeros[0]; });
  const __m512i less_zero = _mm512_set1_epi32(one_zero ? -zeros[0] : 0);
  __m512i sums[kRows][kPanels];
  for (std::int64_t p = 0; p < kPanels; ++p) {
    const __m512i first =
        _mm512_mullo_epi32(less_zero, _mm512_loadu_si512(product.b_sums + p * kPanel));
    for (std::int64_t r = 0; r < kRows; ++r) {
      sums[r][p] = first;
    }
  }
  for (std::int64_t quad = 0; quad < product.quads; ++quad) {
    __m512i b[kPanels];
    for (std::int64_t p = 0; p < kPanels; ++p) {
      b[p] = _mm512_loadu_si512(panels + (p * product.quads + quad) * 4 * kPanel);
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      std::int32_t four = 0;
      std::memcpy(&four, a + r * product.a_step + 4 * quad, sizeof four);
      const __m512i x = _mm512_set1_epi32(four);
      for (std::int64_t p = 0; p < kPanels; ++p) {
        sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], x, b[p]);
      }
    }
    if (quad % QuadsAhead::kTurn == 0) {
      ahead.bring();
    }
  }
  // By way of memory: only where all loops over the sums are short do they stay in registers.
  HWY_ALIGN std::int32_t raw[kRows][kPanels][kPanel];
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t p = 0; p < kPanels; ++p) {
      _mm512_store_si512(raw[r][p], sums[r][p]);
    }
  }
  const auto& [scales, bias] = product.scaling;
  for (std::int64_t p = 0; p < kPanels; ++p) {
    const std::int64_t column = p * kPanel;
    const __m512i b_sums = _mm512_loadu_si512(product.b_sums + column);
    const __m512i b_zeros = product.b_zeros == nullptr
                                ? _mm512_setzero_si512()
                                : _mm512_loadu_si512(product.b_zeros + column);
    const std::int64_t here = std::min(kPanel, product.columns - column);
    const auto mask = static_cast<__mmask16>((1U << here) - 1);
    for (std::int64_t r = 0; r < kRows; ++r) {
      __m512i sum = _mm512_load_si512(raw[r][p]);
      if (!one_zero) {
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(_mm512_set1_epi32(zeros[r]), b_sums));
      }
      if (product.b_zeros != nullptr) {
        const __m512i a_sum = _mm512_set1_epi32(product.a_sums[row + r]);
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(a_sum, b_zeros));
      }
      const std::int64_t at = (row + r) * product.c_step + column;
      if (product.y == nullptr) {
        _mm512_mask_storeu_epi32(product.c + at, mask, sum);
        continue;
      }
      __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scales + column));
      if (bias != nullptr) {
        y = _mm512_add_ps(y, _mm512_loadu_ps(bias + column));
      }
      _mm512_mask_storeu_ps(product.y + at, mask, y);
    }
  }
}

// A tile of `rows` of at most kMost rows.
template <std::int64_t kMost, std::int64_t kPanels>
HWY_INLINE void multiply_quad_tile_of(const QuadProduct& product,
                                      std::int64_t rows,
                                      std::int64_t row,
                                      const std::int8_t* panels,
                                      QuadsAhead& ahead) {
  if (rows == kMost) {
    return multiply_quad_tile<kMost, kPanels>(product, row, panels, ahead);
  }
  if constexpr (kMost > 1) {
    multiply_quad_tile_of<kMost - 1, kPanels>(product, rows, row, panels, ahead);
  }
}

template <std::int64_t kPanels>
HWY_INLINE void multiply_quad_rows(const QuadProduct& product, const std::int8_t* panels) {
  // 24 sums of 32 registers.
  constexpr std::int64_t kTile = std::min<std::int64_t>(24 / kPanels, 12);
  const std::int8_t* const next = panels + kPanels * product.quads * 4 * kPanel;
  const Cut cut = cut_evenly(product.rows, kTile);
  // Few rows read panels as fast as memory gives them.
  const std::int64_t wanted = product.rows < kTile ? 0 : product.next_size;
  const std::int64_t turns = cut.tiles * (product.quads / QuadsAhead::kTurn + 1);
  const std::int64_t lines = wanted / QuadsAhead::kLine;
  QuadsAhead ahead{
      .at = next, .end = next + wanted, .bytes = (lines + turns - 1) / turns * QuadsAhead::kLine};
  std::int64_t row = 0;
  for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
    multiply_quad_tile_of<kTile, kPanels>(product, cut.rows_of(tile), row, panels, ahead);
    row += cut.rows_of(tile);
  }
}

void multiply_quads_vnni(const QuadProduct& product, const std::int8_t* panels) {
  switch ((product.columns + kPanel - 1) / kPanel) {
    case 1:
      return multiply_quad_rows<1>(product, panels);
    case 2:
      return multiply_quad_rows<2>(product, panels);
    case 3:
      return multiply_quad_rows<3>(product, panels);
    default:
      return multiply_quad_rows<kQuadPanels>(product, panels);
  }
}

HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR)

void multiply_quad_panels(const QuadProduct& product, const std::int8_t* panels) {
  if (multiplies_quads()) {
    multiply_quads_vnni(product, panels);
  } else {
    multiply_quads_plainly(product, panels);
  }
}

#else

bool multiplies_quads() {
  return false;
}

void multiply_quad_panels(const QuadProduct& product, const std::int8_t* panels) {
  multiply_quads_plainly(product, panels);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(multiplies_quads);
HWY_EXPORT(multiply_quad_panels);
HWY_EXPORT(pack_quad_rows);

bool has_quads() {
  return HWY_DYNAMIC_DISPATCH(multiplies_quads)();
}
void multiply_quads(const QuadProduct& product, const std::int8_t* panels) {
  HWY_DYNAMIC_DISPATCH(multiply_quad_panels)(product, panels);
}
void pack_quads(const std::uint8_t* from,
                const std::int32_t* rows,
                std::int64_t quads,
                std::int64_t apart,
                std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(pack_quad_rows)(from, rows, quads, apart, to);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
