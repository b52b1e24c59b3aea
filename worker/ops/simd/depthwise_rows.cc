#include "worker/ops/simd/depthwise_rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/depthwise_rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr auto kRowLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));

HWY_INLINE V start_of(const DepthwiseRow& row, std::int64_t c) {
  return row.bias == nullptr ? hn::Zero(D()) : hn::LoadU(D(), row.bias + c);
}

// Of a NaN and a bound the machine's maximum gives its second operand.
HWY_INLINE void finish(const DepthwiseRow& row, V sum, float* out) {
  if (row.low_held) {
    sum = hn::Max(hn::Set(D(), row.low), sum);
  }
  if (row.high_held) {
    sum = hn::Min(hn::Set(D(), row.high), sum);
  }
  hn::StoreU(sum, D(), out);
}

// Neighbouring places that see all their taps: a weight and a number of the image are read once for
// all of them. Loops that must be unrolled, so that the arrays are registers; by pointers that go
// on, where offsets of each place would be more registers than there are.
template <std::int64_t kKernel, std::int64_t kStride, std::int64_t kPlaces>
HWY_INLINE void sum_whole(const DepthwiseRow& row, std::int64_t place, std::int64_t c) {
  const D d;
  constexpr std::int64_t kSeen = (kPlaces - 1) * kStride + kKernel;
  const std::int64_t step = row.channels;
  const std::int64_t from = (place * kStride - row.pad) * step + c;
  V sums[kPlaces];
  HWY_UNROLL(8)
  for (std::int64_t p = 0; p < kPlaces; ++p) {
    sums[p] = start_of(row, c);
  }
  for (std::int64_t line = 0; line < row.line_count; ++line) {
    const float* x = row.lines[line] + from;
    const float* w = row.weights[line] + c;
    V seen[kSeen];
    HWY_UNROLL(24)
    for (std::int64_t i = 0; i < kSeen; ++i, x += step) {
      seen[i] = hn::LoadU(d, x);
    }
    HWY_UNROLL(8)
    for (std::int64_t k = 0; k < kKernel; ++k, w += step) {
      const V weight = hn::LoadU(d, w);
      HWY_UNROLL(8)
      for (std::int64_t p = 0; p < kPlaces; ++p) {
        sums[p] = hn::MulAdd(seen[p * kStride + k], weight, sums[p]);
      }
    }
  }
  float* out = row.out + place * step + c;
  HWY_UNROLL(8)
  for (std::int64_t p = 0; p < kPlaces; ++p, out += step) {
    finish(row, sums[p], out);
  }
}

// A place at the end of a line.
HWY_INLINE void sum_part(const DepthwiseRow& row, std::int64_t place, std::int64_t c) {
  const D d;
  const std::int64_t at = place * row.stride - row.pad;
  const std::int64_t first = std::max<std::int64_t>(0, -at);
  const std::int64_t last = std::min(row.kernel, row.line_extent - at);
  V sum = start_of(row, c);
  for (std::int64_t line = 0; line < row.line_count; ++line) {
    for (std::int64_t k = first; k < last; ++k) {
      sum = hn::MulAdd(hn::LoadU(d, row.lines[line] + (at + k) * row.channels + c),
                       hn::LoadU(d, row.weights[line] + k * row.channels + c),
                       sum);
    }
  }
  finish(row, sum, row.out + place * row.channels + c);
}

template <std::int64_t kKernel, std::int64_t kStride>
HWY_INLINE void sum_row(const DepthwiseRow& row) {
  // Places that see all their taps.
  const std::int64_t inside = row.line_extent - kKernel + row.pad;
  const std::int64_t first =
      std::clamp((row.pad + kStride - 1) / kStride, std::int64_t{0}, row.places);
  const std::int64_t last =
      inside < 0 ? first : std::clamp(inside / kStride + 1, first, row.places);
  for (std::int64_t block = 0; block < row.channels; block += kRowLanes) {
    const std::int64_t c = std::min(block, row.channels - kRowLanes);  // some are done again
    std::int64_t place = 0;
    for (; place < first; ++place) {
      sum_part(row, place, c);
    }
    for (; place + 8 <= last; place += 8) {
      sum_whole<kKernel, kStride, 8>(row, place, c);
    }
    for (; place + 4 <= last; place += 4) {
      sum_whole<kKernel, kStride, 4>(row, place, c);
    }
    for (; place < last; ++place) {
      sum_whole<kKernel, kStride, 1>(row, place, c);
    }
    for (; place < row.places; ++place) {
      sum_part(row, place, c);
    }
  }
}

void run_depthwise_row(const DepthwiseRow& row) {
  if (row.kernel == 3) {
    return row.stride == 1 ? sum_row<3, 1>(row) : sum_row<3, 2>(row);
  }
  return row.stride == 1 ? sum_row<5, 1>(row) : sum_row<5, 2>(row);
}

// Eight sums, a weight and no more than a vector of each: narrower machines are oneDNN's.
bool has_kernel(std::int64_t kernel, std::int64_t stride, std::int64_t channels) {
  return kRowLanes >= 16 && channels >= kRowLanes && (kernel == 3 || kernel == 5) &&
         (stride == 1 || stride == 2);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(run_depthwise_row);
HWY_EXPORT(has_kernel);

bool fits_depthwise_row(std::int64_t kernel, std::int64_t stride, std::int64_t channels) {
  return HWY_DYNAMIC_DISPATCH(has_kernel)(kernel, stride, channels);
}
void depthwise_row(const DepthwiseRow& row) {
  HWY_DYNAMIC_DISPATCH(run_depthwise_row)(row);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
