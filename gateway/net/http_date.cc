#include "gateway/net/http_date.h"

#include <array>
#include <cstdio>

namespace sluice::gateway {

std::string http_date(std::time_t seconds) {
  static constexpr std::array<const char*, 7> kDays = {
      "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(),
                                 text.size(),
                                 "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[static_cast<std::size_t>(utc.tm_wday)],
                                 utc.tm_mday,
                                 kMonths[static_cast<std::size_t>(utc.tm_mon)],
                                 utc.tm_year + 1900,
                                 utc.tm_hour,
                                 utc.tm_min,
                                 utc.tm_sec);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace sluice::gateway
