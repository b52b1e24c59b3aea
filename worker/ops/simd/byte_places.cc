#include "worker/ops/simd/byte_places.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/byte_places.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/cut.h"
#include "worker/ops/simd/rounding-inl.h"
#include "worker/ops/simd/unroll.h"

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
}

template <class T>
void multiply_plainly(const PlaceProduct& product, T* to) {
  const PlaceWindows& windows = product.windows;
  const std::int64_t panels = (product.filters + kPanel - 1) / kPanel;
  for (std::int64_t place = 0; place < windows.places; ++place) {
    for (std::int64_t filter = 0; filter < product.filters; ++filter) {
      auto sum = static_cast<std::uint32_t>(product.ends.starts[filter]);  // wraps
      for (std::int64_t run = 0; run < windows.run_count; ++run) {
        const std::uint8_t* const x = windows.image + windows.begins[place] + windows.runs[run];
        for (std::int64_t i = 0; i < 4 * product.quads; ++i) {
          const std::int64_t quad = (run * product.quads + i / 4) * panels + filter / kPanel;
          const std::int8_t weight = product.weights[(quad * kPanel + filter % kPanel) * 4 + i % 4];
          sum += static_cast<std::uint32_t>(weight == 0 ? 0 : std::int32_t{weight} * x[i]);
        }
      }
      finish_plainly(product.ends, filter, sum, to + place * product.step + filter);
    }
  }
}

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

// Sums of filters become bytes.
template <class T>
class PlaceFinish {
 public:
  PlaceFinish(const PlaceEnds& ends, std::int64_t filters)
      : ends_(ends),
        near_(all_near(ends, filters)),
        zero_(_mm512_set1_epi16(static_cast<std::int16_t>(ends.zero))),
        rounding_(ends.zero, ends.zero) {}

  // Of up to two vectors of filters.
  HWY_INLINE void store(
      std::int64_t filter, __m512i first, __m512i second, T* to, std::int64_t count) const {
    if (!near_) {
      rounding_.store(scaled(filter, first), to, count);
      if (count > kPanel) {
        rounding_.store(scaled(filter + kPanel, second), to + kPanel, count - kPanel);
      }
      return;
    }
    // Packing takes four words of each vector in turn.
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i other =
        count > kPanel ? rounded(filter + kPanel, second) : _mm512_setzero_si512();
    const __m512i words =
        _mm512_permutexvar_epi64(order, _mm512_packs_epi32(rounded(filter, first), other));
    const __m512i placed = _mm512_adds_epi16(words, zero_);
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << std::min(count, 2 * kPanel)) - 1);
    if constexpr (std::is_signed_v<T>) {
      _mm256_mask_storeu_epi8(to, mask, _mm512_cvtsepi16_epi8(placed));
    } else {
      const __m512i held = _mm512_max_epi16(placed, _mm512_setzero_si512());
      _mm256_mask_storeu_epi8(to, mask, _mm512_cvtusepi16_epi8(held));
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
  Rounding rounding_;
};

// Not a part of its caller, so that it has all registers.
template <std::int64_t kPlaces, std::int64_t kPanels, class T>
HWY_NOINLINE void multiply_place_tile(const PlaceProduct& product,
                                      const PlaceFinish<T>& finish,
                                      const std::int32_t* begins,
                                      T* to) {
  const PlaceWindows& windows = product.windows;
  __m512i sums[kPlaces][kPanels];
  SLUICE_UNROLL
  for (std::int64_t p = 0; p < kPanels; ++p) {
    const __m512i start = _mm512_loadu_si512(product.ends.starts + p * kPanel);
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kPlaces; ++r) {
      sums[r][p] = start;
    }
  }
  const std::int8_t* weights = product.weights;
  for (std::int64_t run = 0; run < windows.run_count; ++run) {
    const std::uint8_t* x[kPlaces];
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kPlaces; ++r) {
      x[r] = windows.image + begins[r] + windows.runs[run];
    }
    for (std::int64_t quad = 0; quad < product.quads; ++quad) {
      __m512i filters[kPanels];
      SLUICE_UNROLL
      for (std::int64_t p = 0; p < kPanels; ++p) {
        filters[p] = _mm512_loadu_si512(weights + p * 4 * kPanel);
      }
      weights += kPanels * 4 * kPanel;
      SLUICE_UNROLL
      for (std::int64_t r = 0; r < kPlaces; ++r) {
        std::int32_t four = 0;
        std::memcpy(&four, x[r] + 4 * quad, sizeof four);
        const __m512i bytes = _mm512_set1_epi32(four);
        SLUICE_UNROLL
        for (std::int64_t p = 0; p < kPanels; ++p) {
          sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], bytes, filters[p]);
        }
      }
    }
  }
  const auto finish_pair = [&](std::int64_t r, std::int64_t p, __m512i one, __m512i other) {
    const std::int64_t filter = p * kPanel;
    finish.store(filter, one, other, to + r * product.step + filter, product.filters - filter);
  };
  if constexpr (kPanels <= 2) {
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kPlaces; ++r) {
      finish_pair(r, 0, sums[r][0], sums[r][kPanels - 1]);
    }
  } else {
    // By way of memory: so many sums are in registers above only where little is done with each.
    HWY_ALIGN std::int32_t raw[kPlaces][kPanels][kPanel];
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kPlaces; ++r) {
      SLUICE_UNROLL
      for (std::int64_t p = 0; p < kPanels; ++p) {
        _mm512_store_si512(raw[r][p], sums[r][p]);
      }
    }
    for (std::int64_t r = 0; r < kPlaces; ++r) {
      for (std::int64_t p = 0; p < kPanels; p += 2) {
        finish_pair(r,
                    p,
                    _mm512_load_si512(raw[r][p]),
                    _mm512_load_si512(raw[r][std::min(p + 1, kPanels - 1)]));
      }
    }
  }
}

// A tile of `places` of at most kMost.
template <std::int64_t kMost, std::int64_t kPanels, class T>
HWY_INLINE void multiply_place_tile_of(const PlaceProduct& product,
                                       const PlaceFinish<T>& finish,
                                       std::int64_t places,
                                       const std::int32_t* begins,
                                       T* to) {
  if (places == kMost) {
    return multiply_place_tile<kMost, kPanels>(product, finish, begins, to);
  }
  if constexpr (kMost > 1) {
    multiply_place_tile_of<kMost - 1, kPanels>(product, finish, places, begins, to);
  }
}

template <std::int64_t kPanels, class T>
void multiply_place_tiles(const PlaceProduct& product, T* to) {
  // Sums in 24 of 32 registers, and no more addresses than there are registers for.
  constexpr std::int64_t kTile = std::min<std::int64_t>(24 / kPanels, 8);
  const PlaceFinish<T> finish(product.ends, product.filters);
  const Cut cut = cut_evenly(product.windows.places, kTile);
  std::int64_t first = 0;
  for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
    const std::int64_t places = cut.rows_of(tile);
    multiply_place_tile_of<kTile, kPanels>(
        product, finish, places, product.windows.begins + first, to + first * product.step);
    first += places;
  }
}

template <class T>
void multiply_vnni(const PlaceProduct& product, T* to) {
  if (product.windows.places == 0) {
    return;
  }
  switch ((product.filters + kPanel - 1) / kPanel) {
    case 1:
      return multiply_place_tiles<1>(product, to);
    case 2:
      return multiply_place_tiles<2>(product, to);
    case 3:
      return multiply_place_tiles<3>(product, to);
    default:
      return multiply_place_tiles<4>(product, to);
  }
}

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
  const auto joined = [](__m256i one, __m256i other) {
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

template <class Product, class T>
void multiply_as(const Product& product, T* to) {
  if (__builtin_cpu_supports("avx512vnni") != 0) {
    multiply_vnni(product, to);
  } else {
    multiply_plainly(product, to);
  }
}

#else

template <class Product, class T>
void multiply_as(const Product& product, T* to) {
  multiply_plainly(product, to);
}

#endif

void places_to_signed(const PlaceProduct& product, std::int8_t* to) {
  multiply_as(product, to);
}
void places_to_unsigned(const PlaceProduct& product, std::uint8_t* to) {
  multiply_as(product, to);
}
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

HWY_EXPORT(places_to_signed);
HWY_EXPORT(places_to_unsigned);
HWY_EXPORT(channels_to_signed);
HWY_EXPORT(channels_to_unsigned);

void multiply_places(const PlaceProduct& product, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(places_to_signed)(product, to);
}
void multiply_places(const PlaceProduct& product, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(places_to_unsigned)(product, to);
}
void multiply_channels(const ChannelProduct& product, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(channels_to_signed)(product, to);
}
void multiply_channels(const ChannelProduct& product, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(channels_to_unsigned)(product, to);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
