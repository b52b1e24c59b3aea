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
#include "worker/ops/simd/place_finish-inl.h"
#include "worker/ops/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// For machines that are not asked to; what the others are tested against.
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

#if HWY_TARGET == HWY_AVX3

// Highway's own target with these instructions wants others that not every such machine has. Not
// pushed onto this one: clang takes the first of two.
HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")

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
  const auto finish_pair =
      [&](std::int64_t r, std::int64_t p, __m512i one, __m512i other) HWY_ATTR {
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

HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR)

template <class T>
void multiply_as(const PlaceProduct& product, T* to) {
  if (__builtin_cpu_supports("avx512vnni") != 0) {
    multiply_vnni(product, to);
  } else {
    multiply_plainly(product, to);
  }
}

#else

template <class T>
void multiply_as(const PlaceProduct& product, T* to) {
  multiply_plainly(product, to);
}

#endif

void places_to_signed(const PlaceProduct& product, std::int8_t* to) {
  multiply_as(product, to);
}
void places_to_unsigned(const PlaceProduct& product, std::uint8_t* to) {
  multiply_as(product, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(places_to_signed);
HWY_EXPORT(places_to_unsigned);

void multiply_places(const PlaceProduct& product, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(places_to_signed)(product, to);
}
void multiply_places(const PlaceProduct& product, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(places_to_unsigned)(product, to);
}
}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
