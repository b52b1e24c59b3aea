// Numbers as text and back, as Cast wants them: decimal or scientific ("314.15", "1e-07"), and
// "NaN", "INF", "-INF". Floats are written with as few digits as read back the same, laid out as
// NumPy does.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/base/result.h"

namespace sluice::engine {

std::string real_text(float value);
std::string real_text(double value);

template <class T>
std::string number_text(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "True" : "False";
  } else if constexpr (std::is_floating_point_v<T>) {
    return real_text(value);
  } else {
    return std::to_string(value);
  }
}

// invalid_argument for text that is no number.
Result<double> real_of_text(std::string_view text);
// Also for what does not fit 64 bits. An unsigned one above 2^63 comes back as its bits.
Result<std::int64_t> integer_of_text(std::string_view text, bool is_signed);

}  // namespace sluice::engine
