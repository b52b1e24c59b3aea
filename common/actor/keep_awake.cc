#include "common/actor/keep_awake.h"

#include <climits>

#include <linux/close_range.h>
#include <sched.h>
#include <unistd.h>

namespace sluice::actor {

namespace {

// Spans between two requests that do not follow upon each other.
constexpr std::int64_t kLull = 4;
// Turns between two looks at the clock: a look costs more than they do.
constexpr int kTurns = 32;

// Leaves the core's shared parts to its other hardware thread.
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm("yield");
#endif
}

// The threads of a killed process end as they get a core, and its descriptors stay open until the
// last one has: beside busy processes this one took seconds, in which connections hung and locks
// were held. So it has none of them. (Linux before 5.9 cannot do this.)
void let_go_of_descriptors() {
  static_cast<void>(close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_UNSHARE));
}

}  // namespace

KeepAwake::KeepAwake(Duration span, const Clock& clock)
    : span_(span.count()), clock_(&clock), thread_("keep_awake", [this] { run(); }) {}

KeepAwake::~KeepAwake() {
  ended_ = true;
  asleep_ = 0;
  asleep_.notify_one();
}

// Until first, then asleep: the thread writes and reads them the other way round, so that one of
// the two sees what the other has written.
void KeepAwake::touch(TimePoint now) {
  const std::int64_t at = now.time_since_epoch().count();
  if (at - touched_.exchange(at) > kLull * span_) {
    return;
  }
  until_ = at + span_;
  if (asleep_ != 0) {
    asleep_ = 0;
    asleep_.notify_one();
  }
}

void KeepAwake::run() {
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) {
    return;  // with any other priority it would take time from those that it is to help
  }
  let_go_of_descriptors();
  while (!ended_) {
    if (clock_->now().time_since_epoch().count() < until_) {
      for (int turn = 0; turn < kTurns; ++turn) {
        pause();
      }
      continue;
    }
    asleep_ = 1;
    if (ended_ || clock_->now().time_since_epoch().count() < until_) {
      asleep_ = 0;
      continue;
    }
    asleep_.wait(1);
  }
}

}  // namespace sluice::actor
