#include "worker/ops/simd/pools.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/pools.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

constexpr std::int64_t kLanes = kReachLanes;

// The machine's maximum loses a NaN in one of its operands: they are noted beside it.
struct Greatest {
  V most;
  hn::Mask<D> nan;

  HWY_INLINE void start(V value) {
    most = value;
    nan = hn::IsNaN(value);
  }
  HWY_INLINE void add(V value) {
    most = hn::Max(most, value);
    nan = hn::Or(nan, hn::IsNaN(value));
  }
  HWY_INLINE V end(V /*scale*/) const {
    const V wrong = hn::Set(D(), std::numeric_limits<float>::quiet_NaN());
    return hn::IfThenElse(nan, wrong, most);
  }
};

struct Sum {
  V sum;

  HWY_INLINE void start(V value) { sum = value; }
  HWY_INLINE void add(V value) { sum = hn::Add(sum, value); }
  HWY_INLINE V end(V scale) const { return hn::Mul(sum, scale); }
};

template <class Join, std::int64_t kVectors, class Reach>
HWY_INLINE void join_place(const PoolRow& row,
                           const PoolSpan& span,
                           std::int64_t c,
                           const Reach& reach,
                           float start,
                           V scale,
                           float* out) {
  Join joined[kVectors];
  for (std::int64_t v = 0; v < kVectors; ++v) {
    joined[v].start(row.goes_on ? reach.load(out + c + v * kLanes) : hn::Set(D(), start));
  }
  for (std::int64_t line = 0; line < row.line_count; ++line) {
    const float* from = row.lines[line] + span.offset + c;
    for (std::int64_t tap = 0; tap < span.taps; ++tap, from += row.tap_step) {
      for (std::int64_t v = 0; v < kVectors; ++v) {
        joined[v].add(reach.load(from + v * kLanes));
      }
    }
  }
  for (std::int64_t v = 0; v < kVectors; ++v) {
    reach.store(joined[v].end(scale), out + c + v * kLanes);
  }
}

// `scale_of(span)`: what the place's result is multiplied by.
template <class Join, class Scale>
HWY_INLINE void join_row(const PoolRow& row, float start, const Scale& scale_of) {
  for (std::int64_t place = 0; place < row.places; ++place) {
    const PoolSpan& span = row.spans[place];
    const V scale = hn::Set(D(), scale_of(span));
    float* const out = row.out + place * row.channels;
    std::int64_t c = 0;
    for (; c + 4 * kLanes <= row.channels; c += 4 * kLanes) {
      join_place<Join, 4>(row, span, c, Whole{}, start, scale, out);
    }
    for (; c + kLanes <= row.channels; c += kLanes) {
      join_place<Join, 1>(row, span, c, Whole{}, start, scale, out);
    }
    if (c < row.channels) {
      join_place<Join, 1>(row, span, c, Part{row.channels - c}, start, scale, out);
    }
  }
}

void find_greatest(const PoolRow& row) {
  join_row<Greatest>(
      row, -std::numeric_limits<float>::infinity(), [](const PoolSpan&) HWY_ATTR { return 1.0F; });
}

void add_lines(const PoolRow& row, std::int64_t counted) {
  join_row<Sum>(row, 0, [counted](const PoolSpan& span) HWY_ATTR {
    return counted == 0 ? 1.0F : 1.0F / static_cast<float>(counted * span.counted);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(find_greatest);
HWY_EXPORT(add_lines);

void pool_greatest(const PoolRow& row) {
  HWY_DYNAMIC_DISPATCH(find_greatest)(row);
}
void pool_sum(const PoolRow& row, std::int64_t counted) {
  HWY_DYNAMIC_DISPATCH(add_lines)(row, counted);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
