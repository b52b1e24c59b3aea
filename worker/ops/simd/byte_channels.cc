#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "worker/ops/simd/byte_places.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/byte_channels.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/place_finish-inl.h"
#include "worker/ops/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// For machines that are not asked to; what the others are tested against.
template <class T>
void multiply_plainly(const ChannelProduct& product, T* to) {
  const PlaceWindows& windows = product.windows;
  const std::int64_t fours = (windows.run_count + 3) / 4;
  for (std::int64_t place = 0; place < windows.places; ++place) {
    const std::uint8_t* const x = windows.image + windows.begins[place];
    for (std::int64_t first = 0; first < product.channels; first += kChannelBlock) {
      for (std::int64_t i = 0; i < kChannelBlock; ++i) {
        const std::int64_t channel = first + channel_of_weight(i);
        if (channel >= product.channels) {
          continue;
        }
        auto sum = static_cast<std::uint32_t>(product.ends.starts[channel]);
        for (std::int64_t run = 0; run < windows.run_count; ++run) {
          const std::int64_t four = first / kChannelBlock * fours + run / 4;
          const std::int8_t weight = product.weights[(four * kChannelBlock + i) * 4 + run % 4];
          sum += static_cast<std::uint32_t>(std::int32_t{weight} * x[windows.runs[run] + channel]);
        }
        finish_plainly(product.ends, channel, sum, to + place * product.channels + channel);
      }
    }
  }
}

#if HWY_TARGET == HWY_AVX3

// Highway's own target with these instructions wants others that not every such machine has. Not
// pushed onto this one: clang takes the first of two.
HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")

// The channels of a block from `channel` on, at `kPlaces` places.
template <std::int64_t kPlaces, class T>
HWY_NOINLINE void multiply_channel_tile(const ChannelProduct& product,
                                        const PlaceFinish<T>& finish,
                                        const std::int32_t* begins,
                                        std::int64_t channel,
                                        T* to) {
  constexpr std::int64_t kVector = 32;  // bytes; four of them hold the sums of a block
  const PlaceWindows& windows = product.windows;
  const std::int64_t count = std::min(kChannelBlock, product.channels - channel);
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << count) - 1);
  const std::int64_t fours = (windows.run_count + 3) / 4;
  const std::int8_t* weights = product.weights + channel * fours * 4;
  __m256i sums[kPlaces][4];
  SLUICE_UNROLL
  for (std::int64_t r = 0; r < kPlaces; ++r) {
    SLUICE_UNROLL
    for (std::int64_t v = 0; v < 4; ++v) {
      sums[r][v] = _mm256_setzero_si256();
    }
  }
  const std::uint8_t* const image = windows.image + channel;
  for (std::int64_t four = 0; four < fours; ++four) {
    std::int32_t runs[4];
    for (std::int64_t i = 0; i < 4; ++i) {
      runs[i] = windows.runs[std::min(4 * four + i, windows.run_count - 1)];
    }
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kPlaces; ++r) {
      const std::uint8_t* const x = image + begins[r];
      const __m256i a = _mm256_maskz_loadu_epi8(mask, x + runs[0]);
      const __m256i b = _mm256_maskz_loadu_epi8(mask, x + runs[1]);
      const __m256i c = _mm256_maskz_loadu_epi8(mask, x + runs[2]);
      const __m256i d = _mm256_maskz_loadu_epi8(mask, x + runs[3]);
      const __m256i ab_low = _mm256_unpacklo_epi8(a, b);
      const __m256i ab_high = _mm256_unpackhi_epi8(a, b);
      const __m256i cd_low = _mm256_unpacklo_epi8(c, d);
      const __m256i cd_high = _mm256_unpackhi_epi8(c, d);
      const __m256i bytes[4] = {_mm256_unpacklo_epi16(ab_low, cd_low),
                                _mm256_unpackhi_epi16(ab_low, cd_low),
                                _mm256_unpacklo_epi16(ab_high, cd_high),
                                _mm256_unpackhi_epi16(ab_high, cd_high)};
      SLUICE_UNROLL
      for (std::int64_t v = 0; v < 4; ++v) {
        __m256i filters;
        std::memcpy(&filters, weights + v * kVector, sizeof filters);
        sums[r][v] = _mm256_dpbusd_epi32(sums[r][v], bytes[v], filters);
      }
    }
    weights += 4 * kVector;
  }
  // Unpacking has left channels 0-3 and 16-19 in the first vector, 4-7 and 20-23 in the next.
  const auto joined = [](__m256i one, __m256i other) HWY_ATTR {
    return _mm512_inserti64x4(_mm512_castsi256_si512(one), other, 1);
  };
  const std::int32_t* const starts = product.ends.starts + channel;
  const auto more = static_cast<__mmask16>(count > kPanel ? 0xFFFF : 0);
  SLUICE_UNROLL
  for (std::int64_t r = 0; r < kPlaces; ++r) {
    const __m512i first = joined(_mm256_permute2x128_si256(sums[r][0], sums[r][1], 0x20),
                                 _mm256_permute2x128_si256(sums[r][2], sums[r][3], 0x20));
    const __m512i second = joined(_mm256_permute2x128_si256(sums[r][0], sums[r][1], 0x31),
                                  _mm256_permute2x128_si256(sums[r][2], sums[r][3], 0x31));
    finish.store(channel,
                 _mm512_add_epi32(first, _mm512_loadu_si512(starts)),
                 _mm512_add_epi32(second, _mm512_maskz_loadu_epi32(more, starts + kPanel)),
                 to + r * product.channels + channel,
                 count);
  }
}

template <class T>
void multiply_vnni(const ChannelProduct& product, T* to) {
  constexpr std::int64_t kTile = 4;
  const PlaceFinish<T> finish(product.ends, product.channels);
  for (std::int64_t place = 0; place < product.windows.places;) {
    const bool whole = place + kTile <= product.windows.places;
    const std::int32_t* const begins = product.windows.begins + place;
    T* const rows = to + place * product.channels;
    for (std::int64_t channel = 0; channel < product.channels; channel += kChannelBlock) {
      if (whole) {
        multiply_channel_tile<kTile>(product, finish, begins, channel, rows);
      } else {
        multiply_channel_tile<1>(product, finish, begins, channel, rows);
      }
    }
    place += whole ? kTile : 1;
  }
}

HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR)

template <class T>
void multiply_as(const ChannelProduct& product, T* to) {
  if (__builtin_cpu_supports("avx512vnni") != 0) {
    multiply_vnni(product, to);
  } else {
    multiply_plainly(product, to);
  }
}

#else

template <class T>
void multiply_as(const ChannelProduct& product, T* to) {
  multiply_plainly(product, to);
}

#endif

void channels_to_signed(const ChannelProduct& product, std::int8_t* to) {
  multiply_as(product, to);
}
void channels_to_unsigned(const ChannelProduct& product, std::uint8_t* to) {
  multiply_as(product, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(channels_to_signed);
HWY_EXPORT(channels_to_unsigned);

void multiply_channels(const ChannelProduct& product, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(channels_to_signed)(product, to);
}
void multiply_channels(const ChannelProduct& product, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(channels_to_unsigned)(product, to);
}
}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
