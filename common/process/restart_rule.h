// When the next life of a supervised process begins. Pure; one object per process.
//
//  1. A life that served for limits::kGoodLife after it became ready is followed by the next at
//     once, and forgives the back-offs before it.
//  2. Any other life is followed after a back-off: limits::kBackoffFirst, doubling to kBackoffLast.
//  3. limits::kEarlyDeaths lives in a row that never became ready: no more.
//  4. A life that ended hopelessly (by its own word another try would end the same way) before any
//     life was ready: no more, at once.

#pragma once

#include <cstdint>
#include <optional>

#include "common/base/time.h"

namespace sluice {

class RestartRule {
 public:
  // The running life serves from `now` on.
  void on_ready(TimePoint now);

  // A life ended. When the next shall start; nothing: never.
  std::optional<TimePoint> on_death(TimePoint now, bool hopeless = false);

  [[nodiscard]] bool was_ever_ready() const noexcept { return ever_ready_; }
  // Lives in a row that never became ready.
  [[nodiscard]] std::uint32_t early_deaths() const noexcept { return early_deaths_; }

 private:
  bool ever_ready_ = false;
  std::uint32_t early_deaths_ = 0;
  std::optional<TimePoint> ready_since_;  // of the running life
  Duration backoff_{};                    // the last one; zero after a good life
};

}  // namespace sluice
