#include "common/process/restart_rule.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"

namespace sluice {

void RestartRule::on_ready(TimePoint now) {
  if (!ready_since_) {
    ready_since_ = now;
  }
  ever_ready_ = true;
  early_deaths_ = 0;
}

std::optional<TimePoint> RestartRule::on_death(TimePoint now, bool hopeless) {
  const std::optional<TimePoint> ready_since = std::exchange(ready_since_, std::nullopt);
  if (ready_since && now - *ready_since >= limits::kGoodLife) {
    backoff_ = Duration::zero();
    return now;
  }
  if (!ready_since) {
    ++early_deaths_;
  }
  if ((hopeless && !ever_ready_) || early_deaths_ >= limits::kEarlyDeaths) {
    return std::nullopt;
  }
  backoff_ = backoff_ == Duration::zero() ? Duration(limits::kBackoffFirst)
                                          : std::min(backoff_ * 2, Duration(limits::kBackoffLast));
  return now + backoff_;
}

}  // namespace sluice
