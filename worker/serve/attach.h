// Attach: when one link of the worker opens a socket, when it beats, and when it believes the other
// end lost. Pure; one object per endpoint dialled, for the worker's life.
//
// 1. A socket gets one hello. No welcome within three intervals: close it, open another.
// 2. Attached: a heartbeat every interval; nothing heard for three intervals: the same.
// 3. `bye` of an attached end (it does not know us, or no more): open another at once, but not
//    sooner than one interval after the last one. `bye` instead of a welcome changes nothing.
// 4. Never given up.

#pragma once

#include <cstdint>

#include "common/base/limits.h"
#include "common/base/time.h"

namespace sluice::worker {

class Attach {
 public:
  // `interval` holds until a welcome names another.
  explicit Attach(Duration interval) : interval_(interval) {}

  enum class Step : std::uint8_t {
    wait,  // nothing before next_due()
    open,  // close the socket, open one with a new identity, send hello with count()
    beat,  // send a heartbeat with beats() as its sequence
  };

  // What is due at `now`. Call again until it says `wait`.
  Step step(TimePoint now);

  void on_welcome(Duration interval, TimePoint now);
  // Any valid message on the socket of this attach.
  void on_heard(TimePoint now) { heard_ = now; }
  void on_bye();

  [[nodiscard]] bool attached() const noexcept { return state_ == State::attached; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }  // sockets opened
  [[nodiscard]] std::uint64_t beats() const noexcept { return beats_; }  // of this socket
  [[nodiscard]] Duration interval() const noexcept { return interval_; }
  // TimePoint::min() before the first step.
  [[nodiscard]] TimePoint next_due() const noexcept;

 private:
  enum class State : std::uint8_t { closed, greeting, attached };

  [[nodiscard]] TimePoint open_due() const noexcept;

  Duration interval_;
  State state_ = State::closed;
  std::uint64_t count_ = 0;
  std::uint64_t beats_ = 0;
  TimePoint opened_{};
  TimePoint heard_{};
  TimePoint next_beat_{};
  bool sent_away_ = false;
};

}  // namespace sluice::worker
