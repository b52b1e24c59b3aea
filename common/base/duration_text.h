// Durations as people write them: "250ms", "30s", "10m", "1h".

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace sluice {

// A whole number and its unit: us, ms, s, m or h. invalid_argument quoting `text`; at most 10
// years.
Result<Duration> parse_duration(std::string_view text);

// With the largest unit that keeps the number whole; below a microsecond is cut off.
std::string to_text(Duration duration);

}  // namespace sluice
