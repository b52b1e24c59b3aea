#include "worker/ops/simd/rows.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/functions-inl.h"
#include "worker/ops/simd/reach-inl.h"
#include "worker/ops/simd/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

// out[i] = f(x[i]).
template <class F>
HWY_INLINE void map(const float* x, float* out, std::int64_t count, const F& f) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(f(d, hn::LoadU(d, x + i)), d, out + i);
  }
  if (i < count) {
    const Part rest{count - i};
    rest.store(f(d, rest.load(x + i)), out + i);
  }
}

// A copy of the row: what is written could be the row itself, which would be read anew each time.
template <class F>
HWY_INLINE void zip(const BinaryRow row, const F& f) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (row.count == 0) {
    return;
  }
  const V a0 = hn::Set(d, row.a[0]);  // before anything is written: `out` may be an input
  const V b0 = hn::Set(d, row.b[0]);
  std::int64_t i = 0;
  for (; i + lanes <= row.count; i += lanes) {
    const V a = row.a_step == 0 ? a0 : hn::LoadU(d, row.a + i);
    const V b = row.b_step == 0 ? b0 : hn::LoadU(d, row.b + i);
    hn::StoreU(f(d, a, b), d, row.out + i);
  }
  if (i < row.count) {
    const Part rest{row.count - i};
    const V a = row.a_step == 0 ? a0 : rest.load(row.a + i);
    const V b = row.b_step == 0 ? b0 : rest.load(row.b + i);
    rest.store(f(d, a, b), row.out + i);
  }
}

HWY_INLINE V min_of(V a, V b) {
  return keep_nan(a, keep_nan(b, hn::Min(a, b)));
}
HWY_INLINE V max_of(V a, V b) {
  return keep_nan(a, keep_nan(b, hn::Max(a, b)));
}

void binary_row(BinaryOp op, const BinaryRow& row) {
  switch (op) {
    case BinaryOp::add:
      return zip(row, [](D, V a, V b) HWY_ATTR { return hn::Add(a, b); });
    case BinaryOp::sub:
      return zip(row, [](D, V a, V b) HWY_ATTR { return hn::Sub(a, b); });
    case BinaryOp::mul:
      return zip(row, [](D, V a, V b) HWY_ATTR { return hn::Mul(a, b); });
    case BinaryOp::div:
      return zip(row, [](D, V a, V b) HWY_ATTR { return hn::Div(a, b); });
    case BinaryOp::min:
      return zip(row, [](D, V a, V b) HWY_ATTR { return min_of(a, b); });
    case BinaryOp::max:
      return zip(row, [](D, V a, V b) HWY_ATTR { return max_of(a, b); });
    case BinaryOp::prelu:
      return zip(row, [](D d, V a, V b) HWY_ATTR {
        return hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Mul(a, b), a);
      });
  }
}

void unary_row(UnaryOp op, float alpha, float beta, const float* x, float* out, std::int64_t n) {
  const D tag;
  const V va = hn::Set(tag, alpha);
  const V vb = hn::Set(tag, beta);
  const V zero = hn::Zero(tag);
  const V one = hn::Set(tag, 1.0F);
  switch (op) {
    case UnaryOp::abs:
      return map(x, out, n, [](D, V v) HWY_ATTR { return hn::Abs(v); });
    case UnaryOp::neg:
      return map(x, out, n, [](D, V v) HWY_ATTR { return hn::Neg(v); });
    case UnaryOp::sqrt:
      return map(x, out, n, [](D, V v) HWY_ATTR { return hn::Sqrt(v); });
    case UnaryOp::reciprocal:
      return map(x, out, n, [one](D, V v) HWY_ATTR { return hn::Div(one, v); });
    case UnaryOp::floor:
      return map(x, out, n, [](D, V v) HWY_ATTR { return hn::Floor(v); });
    case UnaryOp::ceil:
      return map(x, out, n, [](D, V v) HWY_ATTR { return hn::Ceil(v); });
    case UnaryOp::round:
      return map(x, out, n, [](D, V v) HWY_ATTR { return hn::Round(v); });
    case UnaryOp::exp:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return exp_of(d, v); });
    case UnaryOp::log:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return log_of(d, v); });
    case UnaryOp::tanh:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return tanh_of(d, v); });
    case UnaryOp::sigmoid:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return sigmoid_of(d, v); });
    case UnaryOp::softplus:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return softplus_of(d, v); });
    case UnaryOp::erf:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return erf_of(d, v); });
    case UnaryOp::gelu:
      return map(x, out, n, [](D d, V v) HWY_ATTR { return gelu_of(d, v); });
    case UnaryOp::gelu_by_tanh:
      return map(x, out, n, [](D d, V v) HWY_ATTR {  // (1 + tanh(z)) / 2 = sigmoid(2 z)
        const V cubic = hn::Mul(hn::Mul(v, v), hn::Set(d, 0.044715F));
        const V z = hn::MulAdd(cubic, v, v);
        return over_one_and_exp(d, v, hn::Mul(z, hn::Set(d, -1.59576912F)));
      });
    case UnaryOp::swish: {
      const V minus = hn::Set(tag, -alpha);
      return map(x, out, n, [minus](D d, V v) HWY_ATTR {
        return over_one_and_exp(d, v, hn::Mul(minus, v));
      });
    }
    case UnaryOp::hard_swish:
      return map(x, out, n, [zero, one](D d, V v) HWY_ATTR {
        const V line = hn::Add(hn::Mul(v, hn::Set(d, 1.0F / 6)), hn::Set(d, 0.5F));
        return hn::Mul(v, hn::Min(one, hn::Max(zero, line)));  // `v` has the NaN
      });
    case UnaryOp::mish:
      return map(x, out, n, [](D d, V v) HWY_ATTR {
        // With e = exp(x), tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2): 1 from 20 on.
        const V two = hn::Set(d, 2.0F);
        const V e = exp_of(d, hn::Min(hn::Set(d, 20.0F), v));
        const V part = hn::Mul(e, hn::Add(e, two));
        return hn::Mul(v, hn::Div(part, hn::Add(part, two)));
      });
    case UnaryOp::selu:
      return map(x, out, n, [zero, va, vb](D d, V v) HWY_ATTR {
        const V below = hn::Mul(va, hn::Expm1(d, hn::Min(v, zero)));
        return hn::Mul(vb, keep_nan(v, hn::IfThenElse(hn::Lt(v, zero), below, v)));
      });
    case UnaryOp::relu:
      return map(
          x, out, n, [zero](D, V v) HWY_ATTR { return hn::IfThenElse(hn::Lt(v, zero), zero, v); });
    case UnaryOp::leaky_relu:
      return map(x, out, n, [zero, va](D, V v) HWY_ATTR {
        return hn::IfThenElse(hn::Lt(v, zero), hn::Mul(va, v), v);
      });
    case UnaryOp::clip:
      return map(x, out, n, [va, vb](D, V v) HWY_ATTR {
        const V low = hn::IfThenElse(hn::Lt(v, va), va, v);
        return hn::IfThenElse(hn::Gt(low, vb), vb, low);
      });
    case UnaryOp::hard_sigmoid:
      return map(x, out, n, [zero, one, va, vb](D, V v) HWY_ATTR {
        const V line = hn::Add(hn::Mul(va, v), vb);
        const V low = hn::IfThenElse(hn::Lt(line, zero), zero, line);
        return hn::IfThenElse(hn::Gt(low, one), one, low);
      });
    case UnaryOp::elu:
      return map(x, out, n, [zero, va](D d, V v) HWY_ATTR {
        const V below = hn::Mul(va, hn::Expm1(d, hn::Min(v, zero)));
        return keep_nan(v, hn::IfThenElse(hn::Lt(v, zero), below, v));
      });
    case UnaryOp::scale:
      return map(x, out, n, [va, vb](D, V v) HWY_ATTR { return hn::Add(hn::Mul(va, v), vb); });
  }
}

// NaN may be passed over: it makes the sum of powers NaN, and with it the row.
HWY_INLINE float largest(const float* x, std::int64_t count) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float lowest = -std::numeric_limits<float>::infinity();
  V a = hn::Set(d, lowest);
  V b = a;
  std::int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    a = hn::Max(a, hn::LoadU(d, x + i));
    b = hn::Max(b, hn::LoadU(d, x + i + lanes));
  }
  if (i + lanes <= count) {
    a = hn::Max(a, hn::LoadU(d, x + i));
    i += lanes;
  }
  if (i < count) {
    const Part rest{count - i};
    b = hn::Max(b, hn::IfThenElse(rest.mask(), rest.load(x + i), hn::Set(d, lowest)));
  }
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(a, b)));
}

// out = exp(x - shift), shift the largest of x; returns the sum.
HWY_INLINE float exp_sum(const float* x, float* out, std::int64_t count, float shift) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V by = hn::Set(d, shift);
  V total = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const V y = exp_below(d, hn::Sub(hn::LoadU(d, x + i), by));
    hn::StoreU(y, d, out + i);
    total = hn::Add(total, y);
  }
  if (i < count) {
    const Part rest{count - i};
    const V y = exp_below(d, hn::Sub(rest.load(x + i), by));
    rest.store(y, out + i);
    total = hn::Add(total, hn::IfThenElseZero(rest.mask(), y));
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

// Rows of at most a vector each. All are read before one is written: a read that meets what was
// just written by a mask waits for it.
template <std::int64_t kRows>
HWY_INLINE void softmax_short_rows(const float* x, float* out, const Part& row) {
  const D d;
  V values[kRows];
  HWY_UNROLL(4)
  for (std::int64_t r = 0; r < kRows; ++r) {
    values[r] = row.load(x + r * row.count);
  }
  HWY_UNROLL(4)
  for (std::int64_t r = 0; r < kRows; ++r) {
    values[r] = softmax_of_lanes(d, values[r], row);
  }
  HWY_UNROLL(4)
  for (std::int64_t r = 0; r < kRows; ++r) {
    row.store(values[r], out + r * row.count);
  }
}

void softmax_rows(const float* x, float* out, std::int64_t count, std::int64_t rows) {
  std::int64_t row = 0;
  if (count <= kReachLanes) {
    for (; row + 4 <= rows; row += 4) {
      softmax_short_rows<4>(x + row * count, out + row * count, Part{count});
    }
    for (; row < rows; ++row) {
      softmax_short_rows<1>(x + row * count, out + row * count, Part{count});
    }
  }
  // A row waits for its largest number, then for its sum: some go side by side while they fit the
  // nearest cache.
  constexpr std::int64_t kTogether = 4;
  const std::int64_t together = count <= 1024 ? kTogether : 1;
  for (; row < rows; row += together) {
    const std::int64_t some = HWY_MIN(together, rows - row);
    const float* const from = x + row * count;
    float* const to = out + row * count;
    float most[kTogether];
    for (std::int64_t r = 0; r < some; ++r) {
      most[r] = largest(from + r * count, count);
    }
    float sum[kTogether];
    for (std::int64_t r = 0; r < some; ++r) {
      sum[r] = exp_sum(from + r * count, to + r * count, count, most[r]);
    }
    for (std::int64_t r = 0; r < some; ++r) {
      const V by = hn::Set(D(), 1 / sum[r]);  // at least 1: the greatest gives 1
      map(to + r * count, to + r * count, count, [by](D, V v) HWY_ATTR { return hn::Mul(v, by); });
    }
  }
}

void log_softmax_row(const float* x, float* out, std::int64_t count) {
  const float most = largest(x, count);
  HWY_ALIGN float chunk[256];
  float sum = 0;
  for (std::int64_t i = 0; i < count; i += 256) {
    sum += exp_sum(x + i, chunk, HWY_MIN(std::int64_t{256}, count - i), most);
  }
  const V by = hn::Set(D(), most);
  const V log_sum = hn::Set(D(), std::log(sum));
  map(x, out, count, [by, log_sum](D, V v) HWY_ATTR { return hn::Sub(hn::Sub(v, by), log_sum); });
}

void accumulate_row(const float* x, float* y, std::int64_t count) {
  zip({x, 1, y, 1, y, count}, [](D, V a, V b) HWY_ATTR { return hn::Add(a, b); });
}

template <bool kSlopes>
HWY_INLINE void scale_each_by(const ScaledRow row) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto scale = [row](std::int64_t i, const auto& reach) HWY_ATTR {
    const V product = hn::Mul(reach.load(row.x + i), reach.load(row.factor + i));
    V y = hn::Add(product, reach.load(row.summand + i));
    if constexpr (kSlopes) {
      y = hn::IfThenElse(hn::Lt(y, hn::Zero(D())), hn::Mul(y, reach.load(row.slope + i)), y);
    }
    reach.store(y, row.out + i);
  };
  std::int64_t i = 0;
  for (; i + lanes <= row.count; i += lanes) {
    scale(i, Whole());
  }
  if (i < row.count) {
    scale(i, Part{row.count - i});
  }
}

void scale_each_row(const ScaledRow& row) {
  return row.slope != nullptr ? scale_each_by<true>(row) : scale_each_by<false>(row);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(binary_row);
HWY_EXPORT(unary_row);
HWY_EXPORT(softmax_rows);
HWY_EXPORT(log_softmax_row);
HWY_EXPORT(accumulate_row);
HWY_EXPORT(scale_each_row);

void binary(BinaryOp op, const BinaryRow& row) {
  HWY_DYNAMIC_DISPATCH(binary_row)(op, row);
}
void unary(UnaryOp op, float alpha, float beta, const float* x, float* out, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(unary_row)(op, alpha, beta, x, out, count);
}
void softmax(const float* x, float* out, std::int64_t count, std::int64_t rows) {
  HWY_DYNAMIC_DISPATCH(softmax_rows)(x, out, count, rows);
}
void log_softmax(const float* x, float* out, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(log_softmax_row)(x, out, count);
}
void accumulate(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(accumulate_row)(x, y, count);
}
void scale_each(const ScaledRow& row) {
  HWY_DYNAMIC_DISPATCH(scale_each_row)(row);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
