// The wiring of a worker process: its threads, their mailboxes and who is linked to whom.

#include "worker/serve/worker_main.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/actor/thread.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/process/lifeline.h"
#include "common/process/quiet_start.h"
#include "common/process/unique_fd.h"
#include "worker/serve/board.h"
#include "worker/serve/executor_actor.h"
#include "worker/serve/link_actor.h"
#include "worker/serve/loader.h"
#include "worker/serve/messages.h"
#include "worker/serve/step_aside.h"
#include "worker/serve/suspects.h"

namespace sluice::worker {
namespace {

constexpr int kLastWordsMs = 100;

Result<void> check_options(const WorkerOptions& options) {
  const auto wrong = [](std::string detail) {
    return Error{ErrorCode::invalid_argument, std::move(detail)};
  };
  if (options.model_path.empty() || options.model_name.empty() || options.control.empty() ||
      options.worker_id.empty()) {
    return wrong("a worker needs a model file, a model name, a control endpoint and an id");
  }
  if (options.worker_id.size() > limits::kWorkerIdBytes ||
      options.node_id.size() > limits::kWorkerIdBytes) {
    return wrong("an id has at most " + std::to_string(limits::kWorkerIdBytes) + " bytes");
  }
  if (options.executors < 1 ||
      static_cast<std::size_t>(options.executors) > limits::kExecutorsPerWorker) {
    return wrong("a worker has 1 to " + std::to_string(limits::kExecutorsPerWorker) +
                 " executors, not " + std::to_string(options.executors));
  }
  if (options.threads_per_executor < 1) {
    return wrong("an executor has at least 1 thread");
  }
  if (options.heartbeat_interval < limits::kHeartbeatLeast ||
      options.heartbeat_interval > limits::kHeartbeatMost) {
    return wrong("the heartbeat interval is out of range");
  }
  return {};
}

// SIGTERM and SIGINT as a descriptor. Blocked in every thread: the wiring makes them after this.
Result<UniqueFd> open_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (::pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) {
    return Error{ErrorCode::internal, "cannot block signals"};
  }
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) {
    return Error{ErrorCode::unavailable, "cannot make a signalfd: out of descriptors"};
  }
  return fd;
}

// What one executor thread owns.
struct ExecutorThread {
  ExecutorThread(actor::Wiring& wiring, actor::Mailbox<LinkInbox>& link_mailbox)
      : loop(clock),
        mailbox(wiring, "executor", kRunRequests + 2),  // runs of one request, UseSession, Stop
        link(link_mailbox.link()) {}

  SystemClock clock;
  actor::Loop loop;
  actor::Mailbox<ExecutorInbox> mailbox;
  actor::Link<LinkInbox> link;
  std::unique_ptr<ExecutorActor> actor;
};

int complain(int exit_code, const std::string& reason) {
  static_cast<void>(std::fprintf(stderr, "sluice worker: %s\n", reason.c_str()));
  return exit_code;
}

using Threads = std::vector<std::unique_ptr<actor::Thread>>;

// Ends the process without joining its threads: one may never come back from the engine.
[[noreturn]] void leave(int exit_code, const Threads& threads) {
  for (const auto& thread : threads) {
    thread->abandon();
  }
  log_shutdown();
  ::_exit(exit_code);
}

class Worker {
 public:
  Worker(const WorkerOptions& options, Suspects suspects, UniqueFd signals)
      : options_(options),
        suspects_(std::move(suspects)),
        signals_(std::move(signals)),
        loop_(clock_),
        mailbox_(wiring_, "link", count() * (kRunRequests + 2) + 4),
        loader_link_(mailbox_.link()),
        boards_(count()),
        start_boards_(count()) {
    for (std::size_t i = 0; i < count(); ++i) {
      executors_.push_back(std::make_unique<ExecutorThread>(wiring_, mailbox_));
      executor_links_.push_back(executors_.back()->mailbox.link());
    }
    actor_ = std::make_unique<LinkActor>(options_,
                                         LinkActor::Parts{.context = &wiring_.context(),
                                                          .loop = &loop_,
                                                          .executors = &executor_links_,
                                                          .boards = &boards_,
                                                          .start_boards = &start_boards_,
                                                          .suspects = &suspects_,
                                                          .clock = &clock_});
  }

  int run() {
    loop_.serve(mailbox_, *actor_);
    loop_.watch_descriptor(signals_.get(), [this](TimePoint now) { return on_signal(now); });
    Threads threads;
    for (std::size_t i = 0; i < count(); ++i) {
      threads.push_back(start_executor(i));
    }
    threads.push_back(std::make_unique<actor::Thread>("loader", [this] {
      load_model({.engine_library = options_.engine_library,
                  .plan = options_.plan,
                  .threads = options_.threads_per_executor,
                  .memory_bytes = options_.memory_bytes,
                  .test_operators = options_.test_operators,
                  .urgent = options_.urgent},
                 loader_link_,
                 start_boards_);
    }));
    try {
      actor_->start(clock_.now());
      loop_.run();
    } catch (const std::exception& error) {
      leave(complain(kExitBroken, std::string("link: ") + error.what()), threads);
    }
    if (!actor_->idle()) {
      // libzmq's thread still has the last words to send, and nobody will wait for it.
      static_cast<void>(::poll(nullptr, 0, kLastWordsMs));
      leave(actor_->exit_code(), threads);  // one is inside the engine, perhaps for ever
    }
    step_aside();  // nobody waits for the memory that is given back
    for (auto& link : executor_links_) {
      SLUICE_CHECK(link.offer(StopExecutor{}) == actor::Offer::accepted);
    }
    return actor_->exit_code();
  }

 private:
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(options_.executors); }

  std::unique_ptr<actor::Thread> start_executor(std::size_t index) {
    ExecutorThread& own = *executors_[index];
    own.actor =
        std::make_unique<ExecutorActor>(ExecutorActor::Parts{.index = index,
                                                             .loop = &own.loop,
                                                             .link = &own.link,
                                                             .board = &boards_[index],
                                                             .start_board = &start_boards_[index],
                                                             .suspects = &suspects_,
                                                             .clock = &own.clock});
    own.loop.serve(own.mailbox, *own.actor);
    return std::make_unique<actor::Thread>("executor" + std::to_string(index), [&own] {
      try {
        own.loop.run();
      } catch (const std::exception& error) {
        // When even this is not taken the link is gone, and the process with it.
        static_cast<void>(own.link.offer(ThreadBroken{std::string("executor: ") + error.what()}));
      }
    });
  }

  bool on_signal(TimePoint now) {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      actor_->drain(info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", now);
    }
    return false;
  }

  WorkerOptions options_;
  Suspects suspects_;
  UniqueFd signals_;
  SystemClock clock_;
  actor::Wiring wiring_;
  actor::Loop loop_;
  actor::Mailbox<LinkInbox> mailbox_;
  actor::Link<LinkInbox> loader_link_;
  std::vector<Board> boards_;
  std::vector<StartBoard> start_boards_;  // one an executor
  std::vector<std::unique_ptr<ExecutorThread>> executors_;
  std::vector<actor::Link<ExecutorInbox>> executor_links_;
  std::unique_ptr<LinkActor> actor_;
};

// Whoever started it has not enough threads for them.
void note_cut_instances(const WorkerOptions& options) {
  if (options.plan.instance_count > static_cast<std::uint32_t>(options.executors)) {
    log_info("configuration_note",
             {{"model", options.model_name},
              {"note",
               "instance_group: " + std::to_string(options.plan.instance_count) +
                   " instances are cut to the worker's " + std::to_string(options.executors) +
                   " executors"}});
  }
}

int run_checked(const WorkerOptions& options) {
  if (auto valid = check_options(options); !valid) {
    return complain(kExitBadOptions, valid.error().detail);
  }
  if (options.lifeline_fd >= 0) {
    if (auto held = hold_lifeline(options.lifeline_fd); !held) {
      return complain(kExitBadOptions, held.error().detail);
    }
  }
  if (options.quiet_start_fd >= 0) {
    if (auto ended = end_quiet_start(options.quiet_start_fd); !ended) {
      return complain(kExitBroken, ended.error().detail);
    }
  }
  Suspects suspects;
  if (options.suspects_fd >= 0) {
    auto mapped = Suspects::map(options.suspects_fd);
    if (!mapped) {
      return complain(kExitBadOptions, mapped.error().detail);
    }
    suspects = *std::move(mapped);
  }
  auto signals = open_signals();
  if (!signals) {
    return complain(kExitBroken, signals.error().detail);
  }
  // From here on no thread waits for whoever reads stderr. The node puts the worker's id in front.
  log_init({.process = "worker"});
  note_cut_instances(options);
  int exit_code = 0;
  {
    Worker worker(options, std::move(suspects), *std::move(signals));
    exit_code = worker.run();
  }
  log_shutdown();
  return exit_code;
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  try {
    return run_checked(options);
  } catch (const std::exception& error) {
    return complain(kExitBroken, error.what());
  }
}

}  // namespace sluice::worker
