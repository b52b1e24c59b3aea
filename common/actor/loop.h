// Loop: one thread's turn of work: mailboxes, sockets and file descriptors, timers.
//
// Fixed order in each turn: read the clock once; every mailbox, then every socket and descriptor
// that is readable, each up to its drain limit; then timers that are due. Handlers run to
// completion and never block. A turn longer than kStall is counted.
//
// (A gateway shard's loop is Asio's instead: gateway/net/io_loop.h.)

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <zmq.hpp>

#include "common/actor/mailbox.h"
#include "common/actor/timer_queue.h"
#include "common/base/time.h"

namespace sluice::actor {

using WatchId = std::uint64_t;

class Loop {
 public:
  static constexpr auto kStall = std::chrono::milliseconds(20);

  explicit Loop(const Clock& clock) : clock_(&clock) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() = default;

  // What a readable source does in a turn. True: there may be more, look again in the next turn
  // without waiting (it stopped at its drain limit).
  using Handler = std::function<bool(TimePoint now)>;

  // Which sockets are asked for messages before the loop waits: a socket's descriptor tells of
  // changes alone, and a send may have taken note of one. Asking costs two calls of the kernel.
  enum class Asked : std::uint8_t {
    every_turn,    // anybody may send on it at any time
    after_a_send,  // as told by note_send(); never for a socket that only receives
  };

  // actor.receive(inbox, now) for every message. Both must outlive the loop's run.
  template <class Inbox, class Actor>
  WatchId serve(Mailbox<Inbox>& mailbox, Actor& actor) {
    const auto read = [&mailbox, &actor](TimePoint now) {
      return mailbox.drain([&](Inbox&& message) { actor.receive(std::move(message), now); }) ==
             limits::kMailboxDrain;
    };
    return watch(mailbox.socket(), read, Asked::after_a_send);
  }

  // The handler must read the socket until it is empty or return true.
  WatchId watch(zmq::socket_ref socket, Handler handler, Asked asked = Asked::every_turn);
  void note_send(WatchId id) noexcept;
  WatchId watch_descriptor(int descriptor, Handler handler);
  // Safe from within any handler, its own included.
  void unwatch(WatchId id);

  [[nodiscard]] TimerQueue& timers() noexcept { return timers_; }
  [[nodiscard]] TimePoint now() const noexcept { return now_; }  // of this turn

  // Until stop() is called by one of its handlers. Exceptions from handlers leave through here.
  void run();
  void stop() noexcept { stopping_ = true; }

  // One turn that waits at most `wait` (negative: until something happens). For run() and for
  // tests.
  void turn(std::chrono::milliseconds wait);

  // Turns that took longer than kStall; any thread may read it.
  [[nodiscard]] std::uint64_t stalls() const noexcept {
    return stalls_.load(std::memory_order_relaxed);
  }

 private:
  struct Source {
    WatchId id = 0;
    zmq::socket_ref socket{};  // or none
    int descriptor = -1;       // the socket's own, or the one that is watched
    Handler handler;
    Asked asked = Asked::every_turn;
    bool sent = false;     // on, since it was last asked
    bool pending = false;  // stopped at its limit last turn
    bool ready = false;    // a socket that has messages before the loop waits
  };

  Source& add(zmq::socket_ref socket, int descriptor, Handler handler);
  void rebuild();
  bool look();
  [[nodiscard]] std::chrono::milliseconds wait_until_due(std::chrono::milliseconds most) const;
  bool run_sources();

  const Clock* clock_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<pollfd> items_;  // parallel to the live sources_ after rebuild()
  bool changed_ = true;
  bool pending_ = false;
  TimerQueue timers_;
  TimePoint now_{};
  WatchId last_ = 0;
  bool stopping_ = false;
  std::atomic<std::uint64_t> stalls_{0};
};

}  // namespace sluice::actor
