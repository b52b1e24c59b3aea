// When a helper leaves the work to others for a while: because there is no core for it.
//
// A helper that is sent away in the midst of a part comes back after some milliseconds, in which
// its caller can only wait. The next one of its parts would be as likely to end like that: with a
// busy process on each core all runs took half as long again as with one thread. Or it is put on
// its caller's core, and takes from it what it looks for work. So it rests, for longer each time,
// and tries again.

#pragma once

#include <chrono>

namespace sluice::engine {

class RestRule {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kShortest{4};
  static constexpr std::chrono::milliseconds kLongest{64};
  static constexpr std::chrono::seconds kAwake{1};
  // What may come between for other reasons: caches, interrupts, a clock of less MHz.
  static constexpr std::chrono::microseconds kSlack{200};

  // Whether a helper whose `parts` of a region took it `took` came back late: one part took its
  // caller `pace`. Zero: the caller is not yet done with its own, and does not wait. Parts that are
  // longer by themselves look the same, so a rest takes more: that it was not on a core for half of
  // the time.
  [[nodiscard]] static bool late(int parts, Clock::duration took, Clock::duration pace);

  // It was sent away in the midst of a part, or shares a core with its caller.
  void on_no_core(Clock::time_point now);

  // While it rested, a part had to wait for it (parts may wait for each other): no rest for a
  // while.
  void on_needed(Clock::time_point now);

  [[nodiscard]] bool resting(Clock::time_point now) const { return now < until_; }
  [[nodiscard]] Clock::time_point until() const { return until_; }

 private:
  Clock::duration length_{};
  Clock::time_point until_{};
  Clock::time_point awake_until_{};
};

}  // namespace sluice::engine
