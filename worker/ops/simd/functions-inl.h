// Functions of a vector of float32, for the vector kernels that need them in the middle of a loop:
// at most 4 ulp from the correctly rounded value; NaN and infinities come out as IEEE 754 says.
// Included once for each instruction set, as Highway's own -inl.h are.

#if defined(SLUICE_SIMD_FUNCTIONS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SLUICE_SIMD_FUNCTIONS_INL_H
#undef SLUICE_SIMD_FUNCTIONS_INL_H
#else
#define SLUICE_SIMD_FUNCTIONS_INL_H
#endif

#include <limits>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE V keep_nan(V x, V y) {
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

// c[0] + c[1] x + c[2] x^2 + ...; a loop that the compiler must unroll would not always be.
template <std::size_t kCount>
HWY_INLINE V polynomial(V x, const float (&c)[kCount]) {
  const D d;
  V sum = hn::Set(d, c[kCount - 1]);
  HWY_UNROLL(16)
  for (std::size_t k = kCount - 1; k > 0; --k) {
    sum = hn::MulAdd(sum, x, hn::Set(d, c[k - 1]));
  }
  return sum;
}

// p * 2^n, rounded once, for a whole n of at most 256: the result may be subnormal, or beyond the
// largest. `shifted` is n + magic, which has n in its lowest bits.
HWY_INLINE V scaled(V p, V n, V shifted, V magic) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  (void)shifted;
  (void)magic;
  return V{_mm512_scalef_ps(p.raw, n.raw)};
#else
  const D d;
  const hn::RebindToSigned<D> di;
  (void)n;
  const auto whole = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, magic));
  const auto half = hn::ShiftRight<1>(whole);  // one factor of 2^n alone could not be written
  const auto power = [&](auto exponent) HWY_ATTR {
    return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(exponent, hn::Set(di, 127))));
  };
  return hn::Mul(hn::Mul(p, power(half)), power(hn::Sub(whole, half)));
#endif
}

// exp(x) as p * 2^n: p = 1 + r + r^2 q(r) with x = n ln 2 + r, |r| <= ln 2 / 2; q is a weighted
// least-squares fit, within 3.1e-9.
struct Power {
  V p;
  V n;
  V shifted;  // n + magic
  V magic;
};

HWY_INLINE Power power_of(D d, V x) {
  const V magic = hn::Set(d, 12'582'912.0F);  // 1.5 * 2^23: what is added to it is rounded
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504F), magic);
  const V n = hn::Sub(shifted, magic);
  const V high = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);  // ln 2 in two parts
  const V r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), high);
  constexpr float kQ[] = {0.49999994F, 0.16666521F, 0.04166839F, 0.00836871F, 0.001381461F};
  return {hn::Add(hn::Set(d, 1.0F), hn::MulAdd(polynomial(r, kQ), hn::Mul(r, r), r)),
          n,
          shifted,
          magic};
}

// With AVX-512 as 2^n 2^r: what n and scaling by it make of any x is right, NaN and infinities too,
// so that r alone is held to where it is when x is of use. 2^r = 1 + r q(r), within 2e-9. Else x is
// held to where the result is 0 or infinite, by operations whose second operand stays when it is
// NaN.
HWY_INLINE V exp_of(D d, V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  constexpr float kQ[] = {
      0.693147182F, 0.240226477F, 0.0555033237F, 0.00961843692F, 0.00133988739F, 0.00015353362F};
  constexpr int kLesserSize = 2;                // with the first operand's sign
  const V log2_of_e = hn::Set(d, 1.44269502F);  // in two parts
  const V rest = hn::Set(d, 1.92596303e-8F);
  const V n = hn::Round(hn::Mul(x, log2_of_e));
  const V wild = hn::MulAdd(x, rest, hn::MulSub(x, log2_of_e, n));
  const V r{_mm512_range_ps(wild.raw, hn::Set(d, 0.51F).raw, kLesserSize)};
  const V p = hn::MulAdd(polynomial(r, kQ), r, hn::Set(d, 1.0F));
  return V{_mm512_scalef_ps(p.raw, n.raw)};
#else
  const V held = hn::Max(hn::Set(d, -104.0F), hn::Min(hn::Set(d, 89.0F), x));
  const auto [p, n, shifted, magic] = power_of(d, held);
  return scaled(p, n, shifted, magic);
#endif
}

// The same where |x| is at most 80, or x is NaN: 2^n is one factor.
HWY_INLINE V exp_of_small(D d, V x) {
  const auto [p, n, shifted, magic] = power_of(d, x);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  return scaled(p, n, shifted, magic);
#else
  const hn::RebindToSigned<D> di;
  const auto whole = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, magic));
  return hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(whole, hn::Set(di, 127)))));
#endif
}

HWY_INLINE V log_of(D d, V x) {
  const V zero = hn::Zero(d);
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  V y = hn::Log(d, x);
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity), y);
  y = hn::IfThenElse(hn::Eq(x, infinity), infinity, y);
  y = hn::IfThenElse(hn::Lt(x, zero), hn::Set(d, std::numeric_limits<float>::quiet_NaN()), y);
  return keep_nan(x, y);
}

// tanh(x) = sign(x) * (1 - e) / (1 + e) with e = exp(-2|x|); below 0.25 by its own series, where
// the difference would lose digits.
HWY_INLINE V tanh_of(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  const V size = hn::Abs(x);
  const V e = exp_of(d, hn::Mul(hn::Set(d, -2.0F), size));
  const V large = hn::Div(hn::Sub(one, e), hn::Add(one, e));
  // x - x^3/3 + 2x^5/15 - 17x^7/315 + 62x^9/2835 - 1382x^11/155925
  constexpr float kSeries[] = {
      -1.0F / 3.0F, 2.0F / 15.0F, -17.0F / 315.0F, 62.0F / 2835.0F, -1382.0F / 155925.0F};
  const V s = hn::Mul(x, x);
  const V p = polynomial(s, kSeries);
  const V small = hn::MulAdd(hn::Mul(p, s), x, x);
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.25F)), small, hn::CopySign(large, x));
}

// x * sigmoid(-z).
HWY_INLINE V over_one_and_exp(D d, V x, V z) {
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), exp_of(d, z)));
}

HWY_INLINE V sigmoid_of(D d, V x) {
  return over_one_and_exp(d, hn::Set(d, 1.0F), hn::Neg(x));
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
HWY_INLINE V softplus_of(D d, V x) {
  const V rest = hn::Log1p(d, exp_of(d, hn::Neg(hn::Abs(x))));
  return keep_nan(x, hn::Add(hn::Max(x, hn::Zero(d)), rest));
}

// Below 1 x * p(x^2), above 1 - exp(-q(x)): p and q are Chebyshev fits of erf(sqrt(s)) / sqrt(s) on
// [0, 1] and of -log(erfc(x)) on [1, 4], from where on the result rounds to 1.
HWY_INLINE V erf_of(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  const V size = hn::Min(hn::Set(d, 4.0F), hn::Abs(x));  // NaN stays
  constexpr float kNear[] = {1.12837917F,
                             -0.376126385F,
                             0.112837826F,
                             -0.0268654383F,
                             0.00522105341F,
                             -0.000848439657F,
                             0.00011268254F,
                             -9.67359117e-06F};
  constexpr float kFar[] = {-0.000400500498F,
                            1.13060447F,
                            0.631088868F,
                            0.110907417F,
                            -0.0269994971F,
                            0.00502104475F,
                            -0.000673337548F,
                            6.00687957e-05F,
                            -3.09520463e-06F,
                            6.58285788e-08F};
  const V near = hn::Mul(x, polynomial(hn::Mul(size, size), kNear));
  const V far = hn::Sub(one, exp_of_small(d, hn::Neg(polynomial(size, kFar))));
  return hn::IfThenElse(hn::Lt(size, one), near, hn::CopySign(far, x));
}

// x (1 + erf(x / sqrt(2))) / 2 as max(x, 0) - |x| / 2 * erfc(|x| / sqrt(2)), which cancels nothing.
// erfc(s) = exp(-s r(s)) up to 4, from where on it is taken for 0; r is a fit of -log(erfc(s)) / s
// that is within 1e-8 of erfc and, where that is below 0.01, within a millionth part of it.
HWY_INLINE V gelu_of(D d, V x) {
  constexpr float kEven[] = {
      1.12837982F, 0.102848299F, 9.32010735e-05F, -0.000573160185F, -1.26458353e-05F};
  constexpr float kOdd[] = {
      0.636607349F, -0.0193396937F, 0.00148653728F, 0.000115270879F, 5.95296171e-07F};
  const V half_root = hn::Set(d, 0.707106781F);
  const V end = hn::Set(d, 4.0F);
  const V s = hn::Min(hn::Abs(hn::Mul(x, half_root)), end);
  const V square = hn::Mul(s, s);
  // In two halves that do not wait for each other.
  const V r = hn::MulAdd(polynomial(square, kOdd), s, polynomial(square, kEven));
  const V e = exp_of_small(d, hn::Neg(hn::Mul(s, r)));
  const V below = hn::IfThenElseZero(hn::Lt(s, end), hn::Mul(hn::Mul(s, half_root), e));
  // A product, not the greater of two: of negative infinity the formula makes NaN.
  const V step = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, 1.0F));
  return hn::MulSub(x, step, below);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#endif
