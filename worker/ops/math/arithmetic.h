// Arithmetic on one pair of elements, by NumPy's rules: integers wrap modulo 2^n and divided by
// zero are 0; the lowest integer divided by -1 is itself; Min and Max keep NaN.

#pragma once

#include <cstdint>
#include <type_traits>

namespace sluice::engine {

enum class Arithmetic : std::uint8_t { add, sub, mul, div, min, max };

// Through uint64: no promotion to a signed int that would overflow.
template <Arithmetic kOp, class T>
constexpr T wrapped(T a, T b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return static_cast<T>(kOp == Arithmetic::add ? x + y : kOp == Arithmetic::sub ? x - y : x * y);
}

template <Arithmetic kOp, class T>
constexpr T arithmetic(T a, T b) {
  if constexpr (kOp == Arithmetic::min) {
    return a < b || a != a ? a : b;
  } else if constexpr (kOp == Arithmetic::max) {
    return a > b || a != a ? a : b;
  } else if constexpr (std::is_floating_point_v<T>) {
    return kOp == Arithmetic::add   ? a + b
           : kOp == Arithmetic::sub ? a - b
           : kOp == Arithmetic::mul ? a * b
                                    : a / b;
  } else if constexpr (kOp == Arithmetic::div) {
    if (b == 0) {
      return 0;
    }
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) {
      return wrapped<Arithmetic::sub>(T{0}, a);
    }
    return static_cast<T>(a / b);
  } else {
    return wrapped<kOp>(a, b);
  }
}

// Calls f with a function object of two T for `op`, each of its own type: loops over it are
// inlined.
template <class T, class F>
void with_arithmetic(Arithmetic op, const F& f) {
  switch (op) {
    case Arithmetic::add:
      return f([](T a, T b) { return arithmetic<Arithmetic::add>(a, b); });
    case Arithmetic::sub:
      return f([](T a, T b) { return arithmetic<Arithmetic::sub>(a, b); });
    case Arithmetic::mul:
      return f([](T a, T b) { return arithmetic<Arithmetic::mul>(a, b); });
    case Arithmetic::div:
      return f([](T a, T b) { return arithmetic<Arithmetic::div>(a, b); });
    case Arithmetic::min:
      return f([](T a, T b) { return arithmetic<Arithmetic::min>(a, b); });
    case Arithmetic::max:
      return f([](T a, T b) { return arithmetic<Arithmetic::max>(a, b); });
  }
}

}  // namespace sluice::engine
