#include "worker/ops/simd/plain.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "common/base/check.h"
#include "worker/ops/simd/truncated.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/plain.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

// An element is written where it was read at the latest: nothing hangs on another turn. Clang's
// pragma of that kind is a warning where sanitizers keep a loop from becoming vectors.
#ifndef SLUICE_EACH_BY_ITSELF
#ifdef __clang__
#define SLUICE_EACH_BY_ITSELF
#else
#define SLUICE_EACH_BY_ITSELF _Pragma("GCC ivdep")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// --- select --------------------------------------------------------------------------------------

template <class T, bool kManyX, bool kManyY>
HWY_INLINE void select_by(
    const std::uint8_t* condition, const T* x, const T* y, std::int64_t count, T* to) {
  const T one_x = x[0];
  const T one_y = y[0];
  std::int64_t i = 0;
  if constexpr (sizeof(T) == sizeof(std::uint32_t)) {  // which compilers do less well
    const hn::ScalableTag<T> d;
    const hn::Rebind<std::uint8_t, decltype(d)> bytes;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (; i + lanes <= count; i += lanes) {
      const auto chosen = hn::Ne(hn::PromoteTo(d, hn::LoadU(bytes, condition + i)), hn::Zero(d));
      const auto a = kManyX ? hn::LoadU(d, x + i) : hn::Set(d, one_x);
      const auto b = kManyY ? hn::LoadU(d, y + i) : hn::Set(d, one_y);
      hn::StoreU(hn::IfThenElse(chosen, a, b), d, to + i);
    }
  }
  SLUICE_EACH_BY_ITSELF
  for (; i < count; ++i) {
    const T a = kManyX ? x[i] : one_x;
    const T b = kManyY ? y[i] : one_y;
    to[i] = condition[i] != 0 ? a : b;
  }
}

template <class T>
HWY_INLINE void select_as(const Selection& from) {
  const auto* const condition = reinterpret_cast<const std::uint8_t*>(from.condition);
  const auto* const x = static_cast<const T*>(from.x);
  const auto* const y = static_cast<const T*>(from.y);
  auto* const to = static_cast<T*>(from.to);
  if (from.condition_step == 0) {
    const bool first = condition[0] != 0;
    const T* const chosen = first ? x : y;
    if ((first ? from.x_step : from.y_step) == 0) {
      std::fill_n(to, from.count, chosen[0]);
    } else if (to != chosen) {
      std::copy_n(chosen, from.count, to);
    }
  } else if (from.x_step == 0) {
    from.y_step == 0 ? select_by<T, false, false>(condition, x, y, from.count, to)
                     : select_by<T, false, true>(condition, x, y, from.count, to);
  } else {
    from.y_step == 0 ? select_by<T, true, false>(condition, x, y, from.count, to)
                     : select_by<T, true, true>(condition, x, y, from.count, to);
  }
}

void select_elements(const Selection& from) {
  switch (from.element) {
    case 1:
      return select_as<std::uint8_t>(from);
    case 2:
      return select_as<std::uint16_t>(from);
    case 4:
      return select_as<std::uint32_t>(from);
    default:
      return select_as<std::uint64_t>(from);
  }
}

void invert_truths(const bool* x, std::int64_t count, bool* to) {
  const auto* const from = reinterpret_cast<const std::uint8_t*>(x);
  auto* const made = reinterpret_cast<std::uint8_t*>(to);
  SLUICE_EACH_BY_ITSELF
  for (std::int64_t i = 0; i < count; ++i) {
    made[i] = from[i] ^ 1U;
  }
}

// --- convert -------------------------------------------------------------------------------------

// Floats whose integers int32 holds, in vectors; the others one by one.
template <class To, class From>
HWY_INLINE void truncate_all(const From* x, std::int64_t count, To* y) {
  constexpr std::int64_t kBlock = 256;
  constexpr From kEnd = 2147483648;  // 2^31
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t end = std::min(begin + kBlock, count);
    std::int32_t outside = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      const From size = x[i] < 0 ? -x[i] : x[i];
      outside |= size < kEnd ? 0 : 1;  // NaN, too
    }
    if (outside == 0) {
      for (std::int64_t i = begin; i < end; ++i) {
        y[i] = static_cast<To>(static_cast<std::int32_t>(x[i]));
      }
      continue;
    }
    for (std::int64_t i = begin; i < end; ++i) {
      y[i] = truncated<To>(x[i]);
    }
  }
}

template <class To, class From>
HWY_INLINE void convert_as(const From* x, std::int64_t count, To* y) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To> &&
                !std::is_same_v<To, bool>) {
    truncate_all(x, count, y);
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<To, bool>) {
        y[i] = x[i] != From{0};
      } else {
        y[i] = static_cast<To>(x[i]);
      }
    }
  }
}

template <class From>
HWY_INLINE bool convert_from(const void* from, DataType to, void* y, std::int64_t count) {
  const auto* const x = static_cast<const From*>(from);
  switch (to) {
    case DataType::boolean:
      convert_as(x, count, static_cast<bool*>(y));
      return true;
    case DataType::int8:
      convert_as(x, count, static_cast<std::int8_t*>(y));
      return true;
    case DataType::uint8:
      convert_as(x, count, static_cast<std::uint8_t*>(y));
      return true;
    case DataType::int32:
      convert_as(x, count, static_cast<std::int32_t*>(y));
      return true;
    case DataType::int64:
      convert_as(x, count, static_cast<std::int64_t*>(y));
      return true;
    case DataType::float32:
      convert_as(x, count, static_cast<float*>(y));
      return true;
    case DataType::float64:
      convert_as(x, count, static_cast<double*>(y));
      return true;
    default:
      return false;
  }
}

bool convert_elements(DataType from, const void* x, DataType to, void* y, std::int64_t count) {
  switch (from) {
    case DataType::boolean:
      // One byte, 0 or 1.
      return convert_from<std::uint8_t>(x, to, y, count);
    case DataType::int8:
      return convert_from<std::int8_t>(x, to, y, count);
    case DataType::uint8:
      return convert_from<std::uint8_t>(x, to, y, count);
    case DataType::int32:
      return convert_from<std::int32_t>(x, to, y, count);
    case DataType::int64:
      return convert_from<std::int64_t>(x, to, y, count);
    case DataType::float32:
      return convert_from<float>(x, to, y, count);
    case DataType::float64:
      return convert_from<double>(x, to, y, count);
    default:
      return false;
  }
}

// --- extremes ------------------------------------------------------------------------------------

template <bool kMax, class T>
HWY_INLINE T better_of(T value, T best) {
  const bool better = kMax ? value > best : value < best;
  return better || value != value ? value : best;
}

template <bool kMax, class V>
HWY_INLINE V better_lanes(V values, V best) {
  const V held = hn::IfThenElse(kMax ? hn::Gt(values, best) : hn::Lt(values, best), values, best);
  if constexpr (std::is_floating_point_v<hn::TFromV<V>>) {
    return hn::IfThenElse(hn::Eq(values, values), held, values);  // NaN is the more extreme
  } else {
    return held;
  }
}

template <bool kMax, class T>
HWY_INLINE T extreme_by(const T* x, std::int64_t count) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (count < lanes) {
    T best = x[0];
    for (std::int64_t i = 1; i < count; ++i) {
      best = better_of<kMax>(x[i], best);
    }
    return best;
  }
  auto best = hn::LoadU(d, x);
  auto other = best;
  std::int64_t i = lanes;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    best = better_lanes<kMax>(hn::LoadU(d, x + i), best);
    other = better_lanes<kMax>(hn::LoadU(d, x + i + lanes), other);
  }
  for (; i + lanes <= count; i += lanes) {
    best = better_lanes<kMax>(hn::LoadU(d, x + i), best);
  }
  best = better_lanes<kMax>(hn::LoadU(d, x + count - lanes), best);  // some for the second time
  best = better_lanes<kMax>(other, best);
  if constexpr (std::is_same_v<T, float>) {
    if (hn::AllTrue(d, hn::Eq(best, best))) {
      return hn::GetLane(kMax ? hn::MaxOfLanes(d, best) : hn::MinOfLanes(d, best));
    }
  }
  HWY_ALIGN T part[hn::MaxLanes(d)];
  hn::Store(best, d, part);
  for (std::int64_t lane = 1; lane < lanes; ++lane) {
    part[0] = better_of<kMax>(part[lane], part[0]);
  }
  return part[0];
}

template <bool kMax, class T>
HWY_INLINE void take_extremes_by(const T* x, std::int64_t count, T* best) {
  SLUICE_EACH_BY_ITSELF
  for (std::int64_t i = 0; i < count; ++i) {
    best[i] = better_of<kMax>(x[i], best[i]);
  }
}

template <bool kMax, class T>
HWY_INLINE void take_places_by(const Places<T>& from, T* best, std::int32_t* at) {
  const std::int32_t place = from.place;
  const bool last = from.last;
  SLUICE_EACH_BY_ITSELF
  for (std::int64_t i = 0; i < from.count; ++i) {
    const T value = from.x[i];
    const T most = best[i];
    const bool better = kMax ? value > most : value < most;
    const bool first_nan = (value != value) & (most == most);
    const bool takes = better | first_nan | (last & (value == most));
    best[i] = takes ? value : most;
    at[i] = takes ? place : at[i];
  }
}

#define SLUICE_EXTREMES(T, name)                                                                \
  T extreme_##name(const T* x, std::int64_t count, bool is_max) {                               \
    return is_max ? extreme_by<true>(x, count) : extreme_by<false>(x, count);                   \
  }                                                                                             \
  void take_extremes_##name(const T* x, std::int64_t count, bool is_max, T* best) {             \
    is_max ? take_extremes_by<true>(x, count, best) : take_extremes_by<false>(x, count, best);  \
  }                                                                                             \
  void take_places_##name(const Places<T>& from, T* best, std::int32_t* at) {                   \
    from.is_max ? take_places_by<true>(from, best, at) : take_places_by<false>(from, best, at); \
  }
SLUICE_EXTREMES(float, float)
SLUICE_EXTREMES(std::int32_t, int32)
SLUICE_EXTREMES(std::int64_t, int64)
#undef SLUICE_EXTREMES

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(select_elements);
HWY_EXPORT(invert_truths);
HWY_EXPORT(convert_elements);

void select(const Selection& selection) {
  HWY_DYNAMIC_DISPATCH(select_elements)(selection);
}
void invert(const bool* x, std::int64_t count, bool* to) {
  HWY_DYNAMIC_DISPATCH(invert_truths)(x, count, to);
}
bool converts(DataType from, DataType to) {
  return from != to && HWY_DYNAMIC_DISPATCH(convert_elements)(from, nullptr, to, nullptr, 0);
}
void convert(DataType from, const void* x, DataType to, void* y, std::int64_t count) {
  const bool known = HWY_DYNAMIC_DISPATCH(convert_elements)(from, x, to, y, count);
  SLUICE_CHECK(known);
}

#define SLUICE_EXTREMES(T, name)                                             \
  HWY_EXPORT(extreme_##name);                                                \
  HWY_EXPORT(take_extremes_##name);                                          \
  HWY_EXPORT(take_places_##name);                                            \
  template <>                                                                \
  T extreme(const T* x, std::int64_t count, bool is_max) {                   \
    return HWY_DYNAMIC_DISPATCH(extreme_##name)(x, count, is_max);           \
  }                                                                          \
  template <>                                                                \
  void take_extremes(const T* x, std::int64_t count, bool is_max, T* best) { \
    HWY_DYNAMIC_DISPATCH(take_extremes_##name)(x, count, is_max, best);      \
  }                                                                          \
  template <>                                                                \
  void take_places(const Places<T>& from, T* best, std::int32_t* at) {       \
    HWY_DYNAMIC_DISPATCH(take_places_##name)(from, best, at);                \
  }
SLUICE_EXTREMES(float, float)
SLUICE_EXTREMES(std::int32_t, int32)
SLUICE_EXTREMES(std::int64_t, int64)
#undef SLUICE_EXTREMES

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
