#include "worker/ops/simd/bytes.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/bytes.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"
#include "worker/ops/simd/rounding-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

// The numbers that a row's bytes stand for, a vector at a time.
template <class T>
class Numbers {
 public:
  explicit HWY_INLINE Numbers(const ByteRow<T>& row)
      : row_(row),
        scale_(hn::Set(DF(), row.scale)),
        zero_(hn::Set(hn::RebindToSigned<DF>(), row.zero)),
        one_(number(hn::Set(hn::Rebind<T, DF>(), row.data[0]))) {}

  HWY_INLINE VF whole(std::int64_t at) const {
    return row_.step == 0 ? one_ : number(hn::LoadU(hn::Rebind<T, DF>(), row_.data + at));
  }
  HWY_INLINE VF part(std::int64_t at, std::int64_t count) const {
    if (row_.step == 0) {
      return one_;
    }
    HWY_ALIGN T lanes[kReachLanes] = {};
    std::copy_n(row_.data + at, count, lanes);
    return number(hn::Load(hn::Rebind<T, DF>(), lanes));
  }

 private:
  template <class Bytes>
  HWY_INLINE VF number(Bytes bytes) const {
    const hn::RebindToSigned<DF> di;
    return hn::Mul(scale_, hn::ConvertTo(DF(), hn::Sub(hn::PromoteTo(di, bytes), zero_)));
  }

  const ByteRow<T>& row_;
  VF scale_;
  hn::Vec<hn::RebindToSigned<DF>> zero_;
  VF one_;
};

template <PairOp kOp, class T>
HWY_INLINE void combine_as(const BytePair<T>& pair) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(DF()));
  const Numbers<T> a(pair.a);
  const Numbers<T> b(pair.b);
  const VF scale = hn::Set(DF(), pair.result.scale);
  const Rounding rounding(pair.result.zero, pair.result.of_nan);
  const auto joined = [&](VF x, VF y) HWY_ATTR {
    return hn::Div(kOp == PairOp::add ? hn::Add(x, y) : hn::Mul(x, y), scale);
  };
  std::int64_t i = 0;
  for (; i + lanes <= pair.count; i += lanes) {
    rounding.store(joined(a.whole(i), b.whole(i)), pair.to + i, lanes);
  }
  if (const std::int64_t left = pair.count - i; left > 0) {
    rounding.store(joined(a.part(i, left), b.part(i, left)), pair.to + i, left);
  }
}

template <class T>
HWY_INLINE void combine_any(const BytePair<T>& pair) {
  if (pair.count == 0) {
    return;
  }
  pair.op == PairOp::add ? combine_as<PairOp::add>(pair) : combine_as<PairOp::multiply>(pair);
}

template <class T>
HWY_INLINE void dequantize_any(const ByteRow<T>& x, std::int64_t count, float* to) {
  if (count == 0) {
    return;
  }
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(DF()));
  const Numbers<T> numbers(x);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(numbers.whole(i), DF(), to + i);
  }
  if (i < count) {
    Part{count - i}.store(numbers.part(i, count - i), to + i);
  }
}

template <class D, class T>
HWY_INLINE std::int64_t take_vectors(D d, const BytesOfPlaces<T>& from, std::int64_t first, T* to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; first + lanes <= from.count; first += lanes) {
    auto most =
        from.joins ? hn::LoadU(d, to + first) : hn::Set(d, std::numeric_limits<T>::lowest());
    for (std::int64_t k = 0; k < from.places_count; ++k) {
      most = hn::Max(most, hn::LoadU(d, from.x + from.places[k] + first));
    }
    hn::StoreU(most, d, to + first);
  }
  return first;
}

template <class T>
HWY_INLINE void take_any(const BytesOfPlaces<T>& from, T* to) {
  std::int64_t i = take_vectors(hn::ScalableTag<T>(), from, 0, to);
  i = take_vectors(hn::CappedTag<T, 16>(), from, i, to);
  for (; i < from.count; ++i) {
    to[i] = from.joins ? to[i] : std::numeric_limits<T>::lowest();
    for (std::int64_t k = 0; k < from.places_count; ++k) {
      to[i] = std::max(to[i], from.x[from.places[k] + i]);
    }
  }
}

void greatest_signed(const BytesOfPlaces<std::int8_t>& from, std::int8_t* to) {
  take_any(from, to);
}
void greatest_unsigned(const BytesOfPlaces<std::uint8_t>& from, std::uint8_t* to) {
  take_any(from, to);
}
void combine_signed(const BytePair<std::int8_t>& pair) {
  combine_any(pair);
}
void combine_unsigned(const BytePair<std::uint8_t>& pair) {
  combine_any(pair);
}
void dequantize_signed(const ByteRow<std::int8_t>& x, std::int64_t count, float* to) {
  dequantize_any(x, count, to);
}
void dequantize_unsigned(const ByteRow<std::uint8_t>& x, std::int64_t count, float* to) {
  dequantize_any(x, count, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(combine_signed);
HWY_EXPORT(combine_unsigned);
HWY_EXPORT(dequantize_signed);
HWY_EXPORT(dequantize_unsigned);
HWY_EXPORT(greatest_signed);
HWY_EXPORT(greatest_unsigned);

void combine(const BytePair<std::int8_t>& pair) {
  HWY_DYNAMIC_DISPATCH(combine_signed)(pair);
}
void combine(const BytePair<std::uint8_t>& pair) {
  HWY_DYNAMIC_DISPATCH(combine_unsigned)(pair);
}
void take_greatest(const BytesOfPlaces<std::int8_t>& from, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(greatest_signed)(from, to);
}
void take_greatest(const BytesOfPlaces<std::uint8_t>& from, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(greatest_unsigned)(from, to);
}
void dequantize(const ByteRow<std::int8_t>& x, std::int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(dequantize_signed)(x, count, to);
}
void dequantize(const ByteRow<std::uint8_t>& x, std::int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(dequantize_unsigned)(x, count, to);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
