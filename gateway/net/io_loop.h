// IoLoop: one thread's event loop for sockets, timers and a watched descriptor. A plain header over
// Asio, which appears in the .cc files alone. A shard has one, the metrics thread another.
//
// Everything but stop_from_any_thread() belongs to the thread that calls run(); before run() and
// after it, to the thread that owns the loop.

#pragma once

#include <memory>

#include "common/base/time.h"
#include "gateway/net/local_ref.h"

namespace sluice::gateway {

// A method of an object, without allocation: `callback_of<&Shard::on_zmq>(*this)`. The method takes
// the time at which the loop called it.
struct Callback {
  void (*call)(void* self, TimePoint now) = nullptr;
  void* self = nullptr;
  void operator()(TimePoint now) const { call(self, now); }
};

template <auto Method, class Self>
Callback callback_of(Self& self) noexcept {
  return {[](void* object, TimePoint now) { (static_cast<Self*>(object)->*Method)(now); }, &self};
}

class IoLoop {
 public:
  IoLoop();
  ~IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // Runs handlers until stop. An exception that leaves a handler leaves run().
  void run();
  void stop();
  // The only thread-safe function; also allowed before run(), which then returns at once.
  void stop_from_any_thread() noexcept;

  [[nodiscard]] TimePoint now() const { return std::chrono::steady_clock::now(); }

  // Asio's io_context, for the .cc files that include it.
  struct Context;
  [[nodiscard]] Context& context() noexcept { return *context_; }

 private:
  struct Stopper;
  std::unique_ptr<Context> context_;
  std::unique_ptr<Stopper> stopper_;
};

// One-shot timer; a new at() replaces the earlier one. Destroying it cancels it.
class LoopTimer {
 public:
  LoopTimer(IoLoop& loop, Callback callback);
  ~LoopTimer();
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;

  void at(TimePoint when);
  void cancel();

 private:
  struct State;
  LocalRef<State> state_;  // outlives this while a wait is under way
};

// Calls back once, after the handlers that are due now, however often it was asked to. Destroying
// it cancels the call.
class LoopPost {
 public:
  LoopPost(IoLoop& loop, Callback callback);
  ~LoopPost();
  LoopPost(const LoopPost&) = delete;
  LoopPost& operator=(const LoopPost&) = delete;

  void post();

 private:
  struct State;
  LocalRef<State> state_;
};

// Calls back when a foreign descriptor becomes readable (ZMQ_FD, an eventfd, a pipe). One call for
// each wake-up: the callback reads until nothing is left, or posts itself to go on. For ZeroMQ:
// read ZMQ_EVENTS until clear after every call *and* after every send, since the wake-up may be
// used up by a send. The descriptor stays the caller's, is made non-blocking, and must be open for
// as long as the watch lives; the watch may be destroyed from within its own callback.
class FdWatch {
 public:
  FdWatch(IoLoop& loop, int fd, Callback callback);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

 private:
  struct State;
  LocalRef<State> state_;
};

}  // namespace sluice::gateway
