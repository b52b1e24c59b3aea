// What sums of a place's filters become. Included once for each instruction set, as Highway's own
// -inl.h are.

#if defined(SLUICE_SIMD_PLACE_FINISH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SLUICE_SIMD_PLACE_FINISH_INL_H
#undef SLUICE_SIMD_PLACE_FINISH_INL_H
#else
#define SLUICE_SIMD_PLACE_FINISH_INL_H
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <hwy/highway.h>

#include "worker/ops/simd/byte_places.h"
#include "worker/ops/simd/rounding-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// For machines that are not asked to; what the others are tested against.
template <class T>
void finish_plainly(const PlaceEnds& ends, std::int64_t filter, std::uint32_t sum, T* to) {
  const auto exact = static_cast<std::int32_t>(sum);
  requantize({.sums = &exact,
              .bias = 0,
              .scale = ends.scales + filter,
              .scale_step = 0,
              .offset = ends.offsets == nullptr ? nullptr : ends.offsets + filter,
              .zero = ends.zero,
              .count = 1},
             to);
  *to = ends.has_floor ? std::max(*to, static_cast<T>(ends.zero)) : *to;
}

#if HWY_TARGET == HWY_AVX3

// Sums of filters become bytes.
template <class T>
class PlaceFinish {
 public:
  PlaceFinish(const PlaceEnds& ends, std::int64_t filters)
      : ends_(ends),
        near_(all_near(ends, filters)),
        zero_(_mm512_set1_epi16(static_cast<std::int16_t>(ends.zero))),
        least_(_mm512_set1_epi16(static_cast<std::int16_t>(
            ends.has_floor ? ends.zero : std::numeric_limits<T>::lowest()))),
        rounding_(ends.zero, ends.zero) {}

  // Of up to two vectors of filters.
  HWY_INLINE void store(
      std::int64_t filter, __m512i first, __m512i second, T* to, std::int64_t count) const {
    if (!near_) {
      rounding_.store(scaled(filter, first), to, count);
      if (count > kPanel) {
        rounding_.store(scaled(filter + kPanel, second), to + kPanel, count - kPanel);
      }
      for (std::int64_t i = 0; ends_.has_floor && i < std::min(count, 2 * kPanel); ++i) {
        to[i] = std::max(to[i], static_cast<T>(ends_.zero));
      }
      return;
    }
    // Packing takes four words of each vector in turn.
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i other =
        count > kPanel ? rounded(filter + kPanel, second) : _mm512_setzero_si512();
    const __m512i words =
        _mm512_permutexvar_epi64(order, _mm512_packs_epi32(rounded(filter, first), other));
    const __m512i placed = _mm512_max_epi16(_mm512_adds_epi16(words, zero_), least_);
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << std::min(count, 2 * kPanel)) - 1);
    if constexpr (std::is_signed_v<T>) {
      _mm256_mask_storeu_epi8(to, mask, _mm512_cvtsepi16_epi8(placed));
    } else {
      _mm256_mask_storeu_epi8(to, mask, _mm512_cvtusepi16_epi8(placed));
    }
  }

 private:
  // Whether no sum becomes NaN, or a float that no integer holds.
  static bool all_near(const PlaceEnds& ends, std::int64_t filters) {
    constexpr float kScale = 0.25F;  // of 2^31 at most
    constexpr float kOffset = 268'435'456.0F;
    bool near = true;
    for (std::int64_t i = 0; i < filters; ++i) {  // false for NaN
      near = near && std::abs(ends.scales[i]) <= kScale;
      near = near && (ends.offsets == nullptr || std::abs(ends.offsets[i]) <= kOffset);
    }
    return near;
  }
  HWY_INLINE VF scaled(std::int64_t filter, __m512i sum) const {
    const DF d;
    const VF y = hn::Mul(hn::ConvertTo(d, hn::Vec<hn::RebindToSigned<DF>>{sum}),
                         hn::LoadU(d, ends_.scales + filter));
    return ends_.offsets == nullptr ? y : hn::Add(y, hn::LoadU(d, ends_.offsets + filter));
  }
  HWY_INLINE __m512i rounded(std::int64_t filter, __m512i sum) const {
    return _mm512_cvtps_epi32(scaled(filter, sum).raw);  // half to even
  }

  const PlaceEnds& ends_;
  bool near_;
  __m512i zero_;
  __m512i least_;
  Rounding rounding_;
};

#endif

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#endif
