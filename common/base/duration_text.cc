#include "common/base/duration_text.h"

#include <charconv>
#include <cstdint>

namespace sluice {

namespace {

struct Unit {
  std::string_view name;
  Duration size;
};

constexpr Unit kUnits[] = {
    {"h", std::chrono::hours(1)},
    {"m", std::chrono::minutes(1)},
    {"s", std::chrono::seconds(1)},
    {"ms", std::chrono::milliseconds(1)},
    {"us", std::chrono::microseconds(1)},
};
constexpr Duration kMost = std::chrono::hours(24 * 3653);

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number);
  for (const Unit& unit : kUnits) {
    if (failed == std::errc() && number >= 0 &&
        std::string_view(rest, static_cast<std::size_t>(end - rest)) == unit.name) {
      if (number > kMost / unit.size) {
        break;
      }
      return Duration(number * unit.size);
    }
  }
  return Error{ErrorCode::invalid_argument,
               "'" + std::string(text) +
                   "' is not a duration: a whole number and us, ms, s, m or h, as 30s"};
}

std::string to_text(Duration duration) {
  for (const Unit& unit : kUnits) {
    if (duration != Duration{} && duration % unit.size == Duration{}) {
      return std::to_string(duration / unit.size) + std::string(unit.name);
    }
  }
  return duration == Duration{} ? "0s"
                                : std::to_string(duration / std::chrono::microseconds(1)) + "us";
}

}  // namespace sluice
