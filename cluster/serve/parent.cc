#include "cluster/serve/parent.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cluster/serve/listeners.h"
#include "cluster/serve/process_tree.h"
#include "cluster/serve/readiness_watch.h"
#include "cluster/serve/run_dir.h"
#include "common/base/overloaded.h"
#include "common/process/lifeline.h"
#include "common/process/lines.h"
#include "common/process/spawn.h"

namespace sluice::cluster {

namespace {

// The gateway ends itself at its limit and 2 s; the node at its own.
constexpr auto kGatewaySlack = std::chrono::seconds(4);
constexpr auto kNodeDrain = limits::kByeTime + std::chrono::seconds(2);
constexpr auto kNodeSlack = std::chrono::seconds(2);

// Blocks the signals that the loop hears through the descriptor.
UniqueFd open_signals() {
  sigset_t heard;
  ::sigemptyset(&heard);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&heard, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &heard, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  return UniqueFd(::signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK));
}

void print(const std::string& text) {
  static_cast<void>(std::fprintf(stdout, "%s\n", text.c_str()));
  static_cast<void>(std::fflush(stdout));
}

void complain(const std::string& text) {
  static_cast<void>(std::fprintf(stderr, "sluice serve: %s\n", text.c_str()));
}

// Runs on: the parent's only thread.
// Receives: the children's ends (pidfd), the node's status lines, signals, HTTP answers.
// Sends:    signals to the children; closes their lifelines by ending.
class Parent {
 public:
  Parent(const ServeOptions& options, std::vector<Listener> listeners, TimePoint now)
      : options_(&options),
        listeners_(std::move(listeners)),
        tree_(options.drain_limit + kGatewaySlack, kNodeDrain + kNodeSlack),
        watch_(options, listeners_.front().address, print, now) {}

  int run(int signals) {
    perform(tree_.begin(), clock_.now());
    while (!code_) {
      turn(signals);
    }
    return *code_;
  }

 private:
  struct Process {
    Child child;
    UniqueFd lifeline;
  };

  void turn(int signals) {
    pollfd sources[] = {{signals, POLLIN, 0},
                        {pidfd_of(Part::gateway), POLLIN, 0},
                        {pidfd_of(Part::node), POLLIN, 0},
                        {status_.get(), POLLIN, 0},
                        {watch_.fd(), watch_.events(), 0}};
    if (::poll(sources, std::size(sources), wait_ms()) < 0 && errno != EINTR) {
      return;
    }
    const TimePoint now = clock_.now();
    if (sources[3].revents != 0) {
      read_status(now);
    }
    if (sources[4].revents != 0) {
      watch_.on_io(now);
    }
    if (watch_.take_gateway_answered()) {
      tree_.on_up(Part::gateway, now);
    }
    if (sources[0].revents != 0) {
      read_signals(signals, now);
    }
    for (const Part part : kParts) {
      if (sources[part == Part::gateway ? 1 : 2].revents != 0) {
        on_end(part, now);
      }
    }
    if (!tree_.ending()) {
      watch_.due(now);
      check_hope(now);
    }
    perform(tree_.due(now), now);
  }

  [[nodiscard]] int pidfd_of(Part part) const {
    const auto& process = processes_[static_cast<std::size_t>(part)];
    return process ? process->child.pidfd.get() : -1;
  }

  [[nodiscard]] int wait_ms() const {
    std::optional<TimePoint> next = tree_.next_due();
    if (!tree_.ending()) {
      if (const auto due = watch_.next_due()) {
        next = next ? std::min(*next, *due) : *due;
      }
    }
    if (!next) {
      return -1;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - clock_.now());
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60'000));
  }

  void perform(const TreeActions& actions, TimePoint now) {
    for (const TreeAction& action : actions) {
      std::visit(Overloaded{[&](const StartPart& start) { start_part(start.part, now); },
                            [&](const SignalPart& signal) {
                              const auto& process =
                                  processes_[static_cast<std::size_t>(signal.part)];
                              if (process) {
                                send_signal(process->child, signal.signal);
                              }
                            },
                            [&](const FinishTree& finish) { code_ = finish.code; }},
                 action);
    }
  }

  void start_part(Part part, TimePoint now) {
    const Result<void> started = part == Part::gateway ? start_gateway() : start_node();
    if (started) {
      tree_.on_started(part);
      return;
    }
    complain(started.error().detail);
    perform(tree_.on_start_failed(part, now), now);
  }

  Result<void> start_gateway() {
    SpawnSpec spec;
    spec.arguments = gateway_arguments(*options_, listeners_);
    for (const Listener& listener : listeners_) {
      for (const UniqueFd& fd : listener.fds) {
        spec.keep.push_back(fd.get());
      }
    }
    return start(Part::gateway, std::move(spec));
  }

  Result<void> start_node() {
    SLUICE_TRY_ASSIGN(LinePipe status, make_line_pipe());
    SpawnSpec spec;
    spec.arguments = node_arguments(*options_, kNodeDrain);
    spec.arguments.insert(spec.arguments.end(),
                          {"--status-fd", std::to_string(status.writer.get())});
    spec.keep.push_back(status.writer.get());
    SLUICE_TRY(start(Part::node, std::move(spec)));
    status_ = std::move(status.reader);
    status_lines_ = LineReader();
    return {};
  }

  Result<void> start(Part part, SpawnSpec spec) {
    SLUICE_TRY_ASSIGN(LifelinePipe lifeline, make_lifeline());
    spec.program = own_executable();
    spec.arguments.insert(spec.arguments.end(),
                          {"--lifeline-fd", std::to_string(lifeline.give.get())});
    spec.keep.push_back(lifeline.give.get());
    SLUICE_TRY_ASSIGN(Child child, spawn(spec));
    // The child takes hold as well: a refusal here costs nothing yet.
    static_cast<void>(guard_with_lifeline(lifeline.give.get(), child.pid));
    processes_[static_cast<std::size_t>(part)].emplace(
        Process{std::move(child), std::move(lifeline.keep)});
    return {};
  }

  void read_status(TimePoint now) {
    const LineReader::State state = status_lines_.read(status_.get(), [&](std::string_view line) {
      tree_.on_up(Part::node, now);
      if (!tree_.ending()) {
        watch_.on_line(line, now);
      }
    });
    if (state == LineReader::State::ended) {
      status_.reset();
    }
  }

  void read_signals(int signals, TimePoint now) {
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      const bool was_ending = tree_.ending();
      const TreeActions actions = tree_.on_signal(now);
      if (!was_ending) {
        print("draining: another signal ends at once");
      }
      perform(actions, now);
    }
  }

  void on_end(Part part, TimePoint now) {
    auto& process = processes_[static_cast<std::size_t>(part)];
    const std::optional<ProcessExit> exit = reap(process->child);
    if (!exit) {
      return;
    }
    process.reset();
    if (part == Part::node && status_) {
      read_status(now);
    }
    const bool was_ending = tree_.ending();
    const TreeActions actions = tree_.on_exit(part, *exit, now);
    if (!was_ending) {
      const std::string name(name_of(part));
      complain("the " + name + " ended (" + describe(*exit) + ")" +
               (tree_.ending() ? ": giving up" : ""));
    }
    perform(actions, now);
  }

  // One model file that cannot be loaded: nothing will ever be served.
  void check_hope(TimePoint now) {
    if (options_->single_file && watch_.hopeless()) {
      complain("the only model cannot be served: ending");
      perform(tree_.give_up(now), now);
    }
  }

  const ServeOptions* options_;
  std::vector<Listener> listeners_;
  SystemClock clock_;
  ProcessTree tree_;
  ReadinessWatch watch_;
  std::optional<Process> processes_[2];
  UniqueFd status_;
  LineReader status_lines_;
  std::optional<int> code_;
};

Result<int> serve(const ServeOptions& options, int signals) {
  SLUICE_TRY_ASSIGN(const RunLock lock, RunLock::take(options.run_dir));
  SLUICE_TRY_ASSIGN(std::vector<Listener> listeners, open_listeners(options));
  print("serving " + options.source);
  for (const Listener& listener : listeners) {
    print("listening " + listener.kind + " " + listener.address);
  }
  const int code = Parent(options, std::move(listeners), SystemClock().now()).run(signals);
  clean_run_dir(options.run_dir);
  return code;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  const UniqueFd signals = open_signals();
  const Result<int> code = serve(options, signals.get());
  if (!code) {
    complain(code.error().detail);
    return 1;
  }
  return *code;
}

}  // namespace sluice::cluster
