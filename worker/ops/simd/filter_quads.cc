#include "worker/ops/simd/filter_quads.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/filter_quads.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/cut.h"
#include "worker/ops/simd/rounding-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// For machines that are not asked to; what the other is tested against.
template <class T>
void multiply_plainly(const FilterQuads& product, const std::uint8_t* panels, T* to) {
  for (std::int64_t filter = 0; filter < product.count; ++filter) {
    const std::int8_t* const weights = product.filters + filter * product.filter_step;
    for (std::int64_t j = 0; j < product.columns; ++j) {
      const std::uint8_t* const b = panels + (j / kPanel * product.quads * kPanel + j % kPanel) * 4;
      auto sum = static_cast<std::uint32_t>(product.starts[filter]);  // wraps
      for (std::int64_t i = 0; i < 4 * product.quads; ++i) {
        sum += static_cast<std::uint32_t>(std::int32_t{weights[i]} *
                                          std::int32_t{b[i / 4 * 4 * kPanel + i % 4]});
      }
      if (product.zeros != nullptr) {
        sum -= static_cast<std::uint32_t>(product.zeros[filter]) *
               static_cast<std::uint32_t>(product.column_sums[j]);
      }
      const auto exact = static_cast<std::int32_t>(sum);
      T& result = to[filter * product.step + j];
      if constexpr (std::is_same_v<T, std::int32_t>) {
        result = exact;
      } else if constexpr (std::is_same_v<T, float>) {
        const float scaled = static_cast<float>(exact) * product.scales[filter];
        result = product.offsets == nullptr ? scaled : scaled + product.offsets[filter];
      } else {
        requantize({.sums = &exact,
                    .bias = 0,
                    .scale = product.scales + filter,
                    .scale_step = 0,
                    .offset = product.offsets == nullptr ? nullptr : product.offsets + filter,
                    .zero = product.result_zero,
                    .count = 1},
                   &result);
      }
    }
  }
}

#if HWY_TARGET == HWY_AVX3

// Highway's own target with these instructions wants others that not every such machine has. Not
// pushed onto this one: clang takes the first of two.
HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")

// What one sum a place becomes, by filter.
template <class T>
class Finish {
 public:
  explicit Finish(const FilterQuads& product)
      : product_(product), rounding_(product.result_zero, product.result_zero) {}

  HWY_INLINE void store(std::int64_t filter, __m512i sum, T* to, std::int64_t count) const {
    const DF d;
    const auto mask = static_cast<__mmask16>((1U << std::min(count, kPanel)) - 1);
    if constexpr (std::is_same_v<T, std::int32_t>) {
      _mm512_mask_storeu_epi32(to, mask, sum);
      return;
    } else {
      VF y = hn::Mul(hn::ConvertTo(d, hn::Vec<hn::RebindToSigned<DF>>{sum}),
                     hn::Set(d, product_.scales[filter]));
      if (product_.offsets != nullptr) {
        y = hn::Add(y, hn::Set(d, product_.offsets[filter]));
      }
      if constexpr (std::is_same_v<T, float>) {
        _mm512_mask_storeu_ps(to, mask, y.raw);
      } else {
        rounding_.store(y, to, count);
      }
    }
  }

 private:
  const FilterQuads& product_;
  Rounding rounding_;
};

template <std::int64_t kRows, std::int64_t kPanels, class T>
HWY_INLINE void multiply_filter_tile(const FilterQuads& product,
                                     const Finish<T>& finish,
                                     std::int64_t first,
                                     const std::uint8_t* panels,
                                     T* to) {
  const std::int8_t* const filters = product.filters + first * product.filter_step;
  __m512i sums[kRows][kPanels];
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t p = 0; p < kPanels; ++p) {
      sums[r][p] = _mm512_set1_epi32(product.starts[first + r]);
    }
  }
  for (std::int64_t quad = 0; quad < product.quads; ++quad) {
    __m512i image[kPanels];
    for (std::int64_t p = 0; p < kPanels; ++p) {
      image[p] = _mm512_loadu_si512(panels + (p * product.quads + quad) * 4 * kPanel);
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      std::int32_t four = 0;
      std::memcpy(&four, filters + r * product.filter_step + 4 * quad, sizeof four);
      const __m512i weights = _mm512_set1_epi32(four);
      for (std::int64_t p = 0; p < kPanels; ++p) {
        sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], image[p], weights);
      }
    }
  }
  // By way of memory: only where all loops over the sums are short do they stay in registers.
  HWY_ALIGN std::int32_t raw[kRows][kPanels][kPanel];
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t p = 0; p < kPanels; ++p) {
      _mm512_store_si512(raw[r][p], sums[r][p]);
    }
  }
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t p = 0; p < kPanels; ++p) {
      const std::int64_t column = p * kPanel;
      __m512i sum = _mm512_load_si512(raw[r][p]);
      if (product.zeros != nullptr) {
        const __m512i zero = _mm512_set1_epi32(product.zeros[first + r]);
        const __m512i all = _mm512_loadu_si512(product.column_sums + column);
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(zero, all));
      }
      finish.store(first + r,
                   sum,
                   to + (first + r) * product.step + column,
                   std::min(kPanel, product.columns - column));
    }
  }
}

// A tile of `rows` of at most kMost filters.
template <std::int64_t kMost, std::int64_t kPanels, class T>
HWY_INLINE void multiply_filter_tile_of(const FilterQuads& product,
                                        const Finish<T>& finish,
                                        std::int64_t rows,
                                        std::int64_t first,
                                        const std::uint8_t* panels,
                                        T* to) {
  if (rows == kMost) {
    return multiply_filter_tile<kMost, kPanels>(product, finish, first, panels, to);
  }
  if constexpr (kMost > 1) {
    multiply_filter_tile_of<kMost - 1, kPanels>(product, finish, rows, first, panels, to);
  }
}

template <std::int64_t kPanels, class T>
HWY_INLINE void multiply_by_tiles(const FilterQuads& product, const std::uint8_t* panels, T* to) {
  constexpr std::int64_t kTile = 12;  // 24 sums of 32 registers, with two panels
  const Finish<T> finish(product);
  const Cut cut = cut_evenly(product.count, kTile);
  std::int64_t first = 0;
  for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
    const std::int64_t rows = cut.rows_of(tile);
    multiply_filter_tile_of<kTile, kPanels>(product, finish, rows, first, panels, to);
    first += rows;
  }
}

template <class T>
void multiply_vnni(const FilterQuads& product, const std::uint8_t* panels, T* to) {
  if (product.columns > kPanel) {
    multiply_by_tiles<2>(product, panels, to);
  } else {
    multiply_by_tiles<1>(product, panels, to);
  }
}

HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR)

template <class T>
void multiply_as(const FilterQuads& product, const std::uint8_t* panels, T* to) {
  if (__builtin_cpu_supports("avx512vnni") != 0) {
    multiply_vnni(product, panels, to);
  } else {
    multiply_plainly(product, panels, to);
  }
}

#else

template <class T>
void multiply_as(const FilterQuads& product, const std::uint8_t* panels, T* to) {
  multiply_plainly(product, panels, to);
}

#endif

void filters_to_sums(const FilterQuads& product, const std::uint8_t* panels, std::int32_t* to) {
  multiply_as(product, panels, to);
}
void filters_to_floats(const FilterQuads& product, const std::uint8_t* panels, float* to) {
  multiply_as(product, panels, to);
}
void filters_to_signed(const FilterQuads& product, const std::uint8_t* panels, std::int8_t* to) {
  multiply_as(product, panels, to);
}
void filters_to_unsigned(const FilterQuads& product, const std::uint8_t* panels, std::uint8_t* to) {
  multiply_as(product, panels, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(filters_to_sums);
HWY_EXPORT(filters_to_floats);
HWY_EXPORT(filters_to_signed);
HWY_EXPORT(filters_to_unsigned);

void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, std::int32_t* to) {
  HWY_DYNAMIC_DISPATCH(filters_to_sums)(product, panels, to);
}
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, float* to) {
  HWY_DYNAMIC_DISPATCH(filters_to_floats)(product, panels, to);
}
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(filters_to_signed)(product, panels, to);
}
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(filters_to_unsigned)(product, panels, to);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
