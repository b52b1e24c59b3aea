#include "cluster/node/node_main.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <utility>

#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.hpp>

#include "cluster/node/node_actor.h"
#include "common/actor/loop.h"
#include "common/base/log.h"
#include "common/process/lifeline.h"
#include "common/process/unique_fd.h"

namespace sluice::cluster {

namespace {

// Blocks the signals that the loop hears through the descriptor; before any thread starts.
UniqueFd open_signals() {
  sigset_t heard;
  ::sigemptyset(&heard);
  ::sigaddset(&heard, SIGTERM);
  ::sigaddset(&heard, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &heard, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  return UniqueFd(::signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK));
}

int complain(const Error& error) {
  static_cast<void>(std::fprintf(stderr, "sluice node: %s\n", error.detail.c_str()));
  return 1;
}

Result<void> serve(const NodeOptions& options, int signals) {
  const SystemClock clock;
  zmq::context_t context(1);
  actor::Loop loop(clock);
  NodeActor node(options, loop, context, [&loop] { loop.stop(); });
  loop.watch_descriptor(signals, [&node, signals](TimePoint now) {
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      node.on_signal(now);
    }
    return false;
  });
  SLUICE_TRY(node.start(clock.now()));
  loop.run();
  return {};
}

}  // namespace

int run_node(const NodeOptions& options) {
  if (options.lifeline) {
    if (const auto held = hold_lifeline(*options.lifeline); !held) {
      return complain(held.error());
    }
  }
  if (options.node_id.size() > limits::kNodeIdBytes) {
    return complain({ErrorCode::invalid_argument,
                     "--node-id has " + std::to_string(options.node_id.size()) +
                         " bytes, at most " + std::to_string(limits::kNodeIdBytes)});
  }
  const UniqueFd signals = open_signals();
  log_init({.process = "node"});
  Result<void> ended;
  try {
    ended = serve(options, signals.get());
  } catch (const std::exception& error) {
    ended = Error{ErrorCode::internal, error.what()};
  }
  log_info("node_ended");
  log_shutdown();
  return ended ? 0 : complain(ended.error());
}

}  // namespace sluice::cluster
