#include "worker/serve/attach.h"

#include <algorithm>

namespace sluice::worker {

TimePoint Attach::open_due() const noexcept {
  switch (state_) {
    case State::closed:
      return TimePoint::min();
    case State::greeting:
      return opened_ + interval_ * limits::kMissedHeartbeats;
    case State::attached:
      return sent_away_ ? opened_ + interval_ : heard_ + interval_ * limits::kMissedHeartbeats;
  }
  return TimePoint::max();
}

TimePoint Attach::next_due() const noexcept {
  return state_ == State::attached ? std::min(open_due(), next_beat_) : open_due();
}

Attach::Step Attach::step(TimePoint now) {
  if (now >= open_due()) {
    state_ = State::greeting;
    opened_ = now;
    sent_away_ = false;
    beats_ = 0;
    ++count_;
    return Step::open;
  }
  if (state_ == State::attached && now >= next_beat_) {
    next_beat_ = now + interval_;  // beats missed while this process stood still are not made up
    ++beats_;
    return Step::beat;
  }
  return Step::wait;
}

void Attach::on_welcome(Duration interval, TimePoint now) {
  if (state_ != State::greeting) {
    return;
  }
  state_ = State::attached;
  interval_ = interval;
  heard_ = now;
  next_beat_ = now + interval;
}

void Attach::on_bye() {
  if (state_ == State::attached) {
    sent_away_ = true;
  }
}

}  // namespace sluice::worker
