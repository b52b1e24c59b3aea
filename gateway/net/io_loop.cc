#include "gateway/net/io_loop.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/process/unique_fd.h"
#include "gateway/net/io_context.h"

namespace sluice::gateway {

namespace asio = boost::asio;

namespace {

using Executor = asio::io_context::executor_type;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>,
                                         Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

}  // namespace

struct IoLoop::Stopper {
  explicit Stopper(IoLoop& loop)
      : fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        watch(loop, checked(fd.get()), callback_of<&IoLoop::Stopper::on_wake>(*this)),
        owner(loop) {}

  static int checked(int made) {
    SLUICE_CHECK(made >= 0);
    return made;
  }
  void on_wake(TimePoint /*now*/) {
    std::uint64_t count = 0;
    if (::read(fd.get(), &count, sizeof count) == sizeof count) {
      owner.stop();
    }
  }

  UniqueFd fd;
  FdWatch watch;
  IoLoop& owner;
};

IoLoop::IoLoop()
    : context_(std::make_unique<Context>()), stopper_(std::make_unique<Stopper>(*this)) {}

IoLoop::~IoLoop() = default;

void IoLoop::run() {
  const auto work = asio::make_work_guard(context_->asio);
  context_->asio.restart();
  context_->asio.run();
}

void IoLoop::stop() {
  context_->asio.stop();
}

void IoLoop::stop_from_any_thread() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is being woken already.
  [[maybe_unused]] const auto written = ::write(stopper_->fd.get(), &one, sizeof one);
}

// The state of a timer, post or watch is held by its owner and by the wait under way. `ended` or a
// later `round` tells the wait that nobody is interested any more.
struct LoopTimer::State : LocalRefCount {
  State(IoLoop& loop, Callback due) : timer(loop.context().asio.get_executor()), callback(due) {}
  Timer timer;
  Callback callback;
  std::uint64_t round = 0;
};

LoopTimer::LoopTimer(IoLoop& loop, Callback callback) : state_(new State(loop, callback)) {}

LoopTimer::~LoopTimer() {
  ++state_->round;
  try {
    state_->timer.cancel();
  } catch (const boost::system::system_error&) {
    // The wait may come to its time; its round has passed.
  }
}

void LoopTimer::at(TimePoint when) {
  const std::uint64_t round = ++state_->round;
  state_->timer.expires_at(when);
  state_->timer.async_wait([state = state_, round](const boost::system::error_code& failure) {
    if (!failure && state->round == round) {
      state->callback(std::chrono::steady_clock::now());
    }
  });
}

void LoopTimer::cancel() {
  ++state_->round;
  state_->timer.cancel();
}

struct LoopPost::State : LocalRefCount {
  State(IoLoop& on, Callback posted) : loop(on), callback(posted) {}
  IoLoop& loop;
  Callback callback;
  bool pending = false;
  bool ended = false;
};

LoopPost::LoopPost(IoLoop& loop, Callback callback) : state_(new State(loop, callback)) {}

LoopPost::~LoopPost() {
  state_->ended = true;
}

void LoopPost::post() {
  if (std::exchange(state_->pending, true)) {
    return;
  }
  asio::post(state_->loop.context().asio, [state = state_] {
    state->pending = false;
    if (!state->ended) {
      state->callback(std::chrono::steady_clock::now());
    }
  });
}

struct FdWatch::State : LocalRefCount {
  State(IoLoop& loop, int fd, Callback ready)
      : descriptor(loop.context().asio.get_executor(), fd), callback(ready) {}

  // Asio arms the descriptor edge-triggered and anew for each wait: what is there already wakes it.
  static void wait(const LocalRef<State>& state) {
    state->descriptor.async_wait(Descriptor::wait_read,
                                 [state](const boost::system::error_code& failure) {
                                   if (failure || state->ended) {
                                     return;
                                   }
                                   state->callback(std::chrono::steady_clock::now());
                                   if (!state->ended) {
                                     wait(state);
                                   }
                                 });
  }

  Descriptor descriptor;
  Callback callback;
  bool ended = false;
};

FdWatch::FdWatch(IoLoop& loop, int fd, Callback callback) : state_(new State(loop, fd, callback)) {
  State::wait(state_);
}

FdWatch::~FdWatch() {
  state_->ended = true;
  // At once: after this the caller may close the descriptor and its number may be another's.
  state_->descriptor.release();
}

}  // namespace sluice::gateway
