// KeepAwake: holds one core out of its sleep for as long as the next steps of a lone request take.
//
// A small request passes half a dozen threads. On a machine that is otherwise idle each of them
// has to wait until a sleeping core has woken, which takes longer than its work. A thread of the
// lowest kind of priority (SCHED_IDLE: it gives way to every other at once) turns on a core that
// nobody wants, for a short while after the latest touch: what is woken meanwhile starts there.
// See docs/adr/0015.

#pragma once

#include <atomic>
#include <cstdint>

#include "common/actor/thread.h"
#include "common/base/time.h"

namespace sluice::actor {

class KeepAwake {
 public:
  // Turns until `span` after the latest touch, by `clock`, which outlives this and may be read by
  // any thread.
  KeepAwake(Duration span, const Clock& clock);
  ~KeepAwake();
  KeepAwake(const KeepAwake&) = delete;
  KeepAwake& operator=(const KeepAwake&) = delete;

  // A lone request came; from any thread. One that comes more than four spans after the one before
  // does nothing: to wake this thread too would take longer than it saves. A system call only when
  // the thread sleeps.
  void touch(TimePoint now);

  // For tests: whether it sleeps, costing nothing.
  [[nodiscard]] bool asleep() const { return asleep_.load() != 0; }

 private:
  void run();

  const std::int64_t span_;
  const Clock* clock_;
  std::atomic<std::int64_t> touched_{0};  // both: nanoseconds of a TimePoint
  std::atomic<std::int64_t> until_{0};
  std::atomic<std::uint32_t> asleep_{0};
  std::atomic<bool> ended_{false};
  Thread thread_;
};

}  // namespace sluice::actor
