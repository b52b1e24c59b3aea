// Floats to integers as Cast and NumPy's astype on x86 do it.

#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace sluice::engine {

// Truncates; what does not fit wraps as NumPy's astype does on x86, through int64.
template <class To, class From>
To truncated(From value) {
  // A cast of what int64 cannot hold is undefined; x86 gives its lowest number.
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  const auto wide = static_cast<double>(value);
  if (std::is_same_v<To, std::uint64_t> && wide >= kEnd && wide < 2 * kEnd) {
    return static_cast<To>(wide);
  }
  const bool fits = wide >= -kEnd && wide < kEnd;
  return static_cast<To>(fits ? static_cast<std::int64_t>(wide)
                              : std::numeric_limits<std::int64_t>::min());
}

}  // namespace sluice::engine
