// When a node's link to the gateway is alive, and when it must be opened anew. Pure; one object for
// all the sockets of a node's life.
//
// libzmq's own reconnect would keep the identity, and a ROUTER that still holds the half-open old
// connection ignores the new one for good (design, section 2): so silence means a new socket.

#pragma once

#include "common/base/limits.h"
#include "common/base/time.h"

namespace sluice::cluster {

class Attach {
 public:
  // A new socket was opened and said hello.
  void on_opened(TimePoint now) {
    attached_ = false;
    refused_ = false;
    heard_ = now;
  }
  // The gateway's answer, with the interval of heartbeats both ways.
  void on_welcome(Duration interval, TimePoint now) {
    attached_ = true;
    interval_ = interval;
    heard_ = now;
    beat_at_ = now;
  }
  // Anything else that came over the socket.
  void on_heard(TimePoint now) { heard_ = now; }
  // The gateway does not know this link (any more).
  void on_refused() { refused_ = true; }

  [[nodiscard]] bool attached() const noexcept { return attached_; }

  // No welcome, or nothing at all, for too long: close the socket and open a new one.
  [[nodiscard]] bool lost(TimePoint now) const noexcept {
    return refused_ || now >= heard_ + kPatience * interval_;
  }
  // It is time to say that this node lives; the next time is an interval later.
  bool beat_due(TimePoint now) noexcept {
    if (!attached_ || now < beat_at_) {
      return false;
    }
    beat_at_ = now + interval_;
    return true;
  }
  // When to ask lost() and beat_due() again.
  [[nodiscard]] TimePoint next_due() const noexcept {
    const TimePoint lost_at = refused_ ? heard_ : heard_ + kPatience * interval_;
    return attached_ && beat_at_ < lost_at ? beat_at_ : lost_at;
  }

 private:
  static constexpr int kPatience = limits::kMissedHeartbeats;

  bool attached_ = false;
  bool refused_ = false;
  Duration interval_ = limits::kHeartbeatOnHost;  // until a welcome says otherwise
  TimePoint heard_{};
  TimePoint beat_at_{};
};

}  // namespace sluice::cluster
