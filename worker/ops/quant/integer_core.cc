#include "worker/ops/quant/integer_core.h"

namespace sluice::engine {
namespace {

template <class T>
void widen_as(const T* from, std::int64_t count, std::int32_t zero, std::int16_t* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<std::int16_t>(from[i] - zero);
  }
}

}  // namespace

void widen(const TensorView& from,
           std::int64_t first,
           std::int64_t count,
           std::int32_t zero,
           std::int16_t* to) {
  if (from.datatype == DataType::int8) {
    widen_as(from.as<std::int8_t>().data() + first, count, zero, to);
  } else {
    widen_as(from.as<std::uint8_t>().data() + first, count, zero, to);
  }
}

void multiply_integers(const std::int16_t* a,
                       const std::int16_t* b,
                       std::int32_t* c,
                       std::int64_t m,
                       std::int64_t n,
                       std::int64_t k) {
  for (std::int64_t row = 0; row < m; ++row) {
    std::int32_t* const to = c + row * n;
    std::fill_n(to, n, 0);
    std::int64_t i = 0;
    // Four rows of b at a time, so that a sum is loaded and stored once for four products.
    // Unsigned, so that sums may wrap.
    for (; i + 4 <= k; i += 4) {
      const std::int16_t* const with = a + row * k + i;
      const std::int16_t* const from = b + i * n;
      for (std::int64_t j = 0; j < n; ++j) {
        const auto one = static_cast<std::uint32_t>(with[0] * from[j]);
        const auto two = static_cast<std::uint32_t>(with[1] * from[n + j]);
        const auto three = static_cast<std::uint32_t>(with[2] * from[2 * n + j]);
        const auto four = static_cast<std::uint32_t>(with[3] * from[3 * n + j]);
        to[j] =
            static_cast<std::int32_t>(static_cast<std::uint32_t>(to[j]) + one + two + three + four);
      }
    }
    for (; i < k; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        to[j] =
            static_cast<std::int32_t>(static_cast<std::uint32_t>(to[j]) +
                                      static_cast<std::uint32_t>(a[row * k + i] * b[i * n + j]));
      }
    }
  }
}

}  // namespace sluice::engine
