// The wiring of the gateway: this file is the drawing of its threads and who speaks to whom.
//
//   main ──DrainGateway──► control ──ClusterView, deaths, status, drain──► shard 0..N-1
//                             ▲────────met, status query, drained─────────────┘
//                             └──MetricTags──► metrics page
//   metrics page: reads the registry that control and shards write

#include "gateway/control/gateway_main.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sys/signalfd.h>
#include <unistd.h>

#include "common/actor/keep_awake.h"
#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/actor/supervisor.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/metrics/registry.h"
#include "common/process/cpu_budget.h"
#include "common/process/file_limit.h"
#include "common/process/lifeline.h"
#include "gateway/control/control_actor.h"
#include "gateway/control/gateway_sockets.h"
#include "gateway/control/metrics_page.h"
#include "gateway/route/shard_actor.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t kMailboxLimit = 4'096;
constexpr auto kDrainSlack = std::chrono::seconds(2);
// From being asked to make room for a successor until no more connections are taken: most clients
// have made a request by then, and know that their connection ends.
constexpr auto kHandOver = std::chrono::seconds(1);
// Descriptors that are not clients' connections: listeners, links, libzmq's own.
constexpr std::uint64_t kOwnDescriptors = 400;

using std::chrono::seconds;

// Blocks the signals that main hears through the descriptor; before any thread starts.
UniqueFd open_signals() {
  sigset_t heard;
  sigemptyset(&heard);
  sigaddset(&heard, SIGTERM);
  sigaddset(&heard, SIGINT);
  pthread_sigmask(SIG_BLOCK, &heard, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  return UniqueFd(signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK));
}

// With one CPU there is none that nobody wants.
std::unique_ptr<actor::KeepAwake> keep_awake(const GatewayOptions& options, const Clock& clock) {
  const bool useful = options.keep_awake > Duration::zero() && cpu_budget(std::nullopt) > 1;
  return useful ? std::make_unique<actor::KeepAwake>(options.keep_awake, clock) : nullptr;
}

class Gateway {
 public:
  Gateway(const GatewayOptions& options, actor::Wiring& wiring, GatewaySockets sockets)
      : options_(options),
        wiring_(&wiring),
        sockets_(std::move(sockets)),
        keep_awake_(keep_awake(options, clock_)),
        loop_(clock_),
        supervisor_(wiring, loop_, [this](const std::string& reason) { on_end(reason); }),
        control_mailbox_(wiring, "control", kMailboxLimit),
        to_control_(control_mailbox_.link()),
        metrics_mailbox_(wiring, "metrics", kMailboxLimit),
        gateway_id_(std::to_string(getpid()) + "." +
                    std::to_string(clock_.now().time_since_epoch().count())) {
    add_control();
    for (int shard = 0; shard < options_.shards; ++shard) {
      add_shard(shard);
    }
    add_metrics();
  }

  int run(UniqueFd signals) {
    const int fd = signals.get();
    loop_.watch_descriptor(fd, [this, fd](TimePoint now) {
      signalfd_siginfo info{};
      while (read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        on_signal(static_cast<int>(info.ssi_signo), now);
      }
      return false;
    });
    supervisor_.when_ready([this] {
      log_info("gateway_ready", {{"http", sockets_.http_address}, {"shards", options_.shards}});
    });
    supervisor_.start();
    loop_.run();
    return exit_code_;
  }

 private:
  void add_control() {
    std::vector<actor::Link<ShardInbox>> links;
    for (int shard = 0; shard < options_.shards; ++shard) {
      shard_mailboxes_.push_back(std::make_unique<actor::Mailbox<ShardInbox>>(
          *wiring_, "shard" + std::to_string(shard), kMailboxLimit));
      links.push_back(shard_mailboxes_.back()->link());
    }
    metrics::Block& block = registry_.add_block();
    ControlOptions options{.cluster = {.expected_models = options_.expected_models,
                                       .strict_readiness = options_.strict_readiness,
                                       .shards = options_.shards},
                           .gateway_id = gateway_id_,
                           .shard_endpoints = sockets_.shard_endpoints,
                           .registry = &registry_,
                           .start = {.on_demand = options_.model_control == ModelControl::on_demand,
                                     .models = options_.load_models,
                                     .expected = options_.expected_models},
                           .state_file = options_.state_file,
                           .read_config = options_.read_config};
    control_loop_ = std::make_unique<actor::Loop>(clock_);
    control_ = std::make_unique<ControlActor>(
        std::move(options),
        std::move(sockets_.control),
        std::move(links),
        sockets_.metrics ? std::optional(metrics_mailbox_.link()) : std::nullopt,
        block,
        [this] {
          control_loop_->stop();  // on the control thread
          metrics_loop_.stop_from_any_thread();
        });
    control_loop_->serve(control_mailbox_, *control_);
    supervisor_.add({"control", {}, [this](const std::function<void()>& ready) {
                       control_->attach(*control_loop_);
                       ready();
                       control_loop_->run();
                     }});
  }

  void add_shard(int index) {
    const auto place = static_cast<std::size_t>(index);
    metrics::Block* block = &registry_.add_block();
    // Made here, used by the shard's thread alone.
    auto link = std::make_shared<actor::Link<ControlInbox>>(control_mailbox_.link());
    supervisor_.add({"shard" + std::to_string(index),
                     {},
                     [this, index, place, block, link](const std::function<void()>& ready) {
                       IoLoop loop;
                       ShardActor shard(loop,
                                        shard_options(index),
                                        std::move(sockets_.routers[place]),
                                        *shard_mailboxes_[place],
                                        std::move(*link),
                                        *block);
                       shard.listen(std::move(sockets_.http[place]), kMainPort);
                       if (!sockets_.graphpipe.empty()) {
                         shard.listen(std::move(sockets_.graphpipe[place]), kGraphPipePort);
                       }
                       ready();
                       loop.run();
                     }});
  }

  [[nodiscard]] ShardOptions shard_options(int index) const {
    ShardOptions options;
    options.index = index;
    options.keep_awake = keep_awake_.get();
    options.gateway_id = gateway_id_;
    options.graphpipe_model = options_.graphpipe_model;
    options.http.body_bytes = options_.body_limit;
    options.http.buffered_bytes =
        default_buffered_bytes() / static_cast<std::size_t>(options_.shards);
    options.dispatcher.shard = static_cast<std::uint8_t>(index);
    options.dispatcher.seed = static_cast<std::uint64_t>(clock_.now().time_since_epoch().count()) ^
                              (static_cast<std::uint64_t>(getpid()) << 32U);
    return options;
  }

  void add_metrics() {
    if (!sockets_.metrics) {
      return;
    }
    supervisor_.add({"metrics",
                     {.max_count = 3, .window = seconds(60)},
                     [this](const std::function<void()>& ready) {
                       MetricsPage page(metrics_loop_, registry_, metrics_mailbox_, metric_tags_);
                       page.listener().listen(UniqueFd(dup(sockets_.metrics.get())));
                       ready();
                       metrics_loop_.run();
                     }});
  }

  // A parent that ends its gateway for good says SIGINT; SIGTERM alone comes from somebody else,
  // and then the parent starts another gateway on the sockets that it holds.
  void on_signal(int signal, TimePoint now) {
    const bool replaced = options_.lifeline && signal == SIGTERM;
    if (draining_ || (replaced && replaced_)) {
      if (!options_.lifeline) {
        std::_Exit(1);  // asked twice: now
      }
      return;  // a parent tells each child again what a terminal or systemd has told it already
    }
    supervisor_.expect_end();
    draining_ = !replaced;
    replaced_ = replaced;
    DrainGateway drain{now + options_.drain_limit};
    if (replaced) {
      drain.successor_from = now + kHandOver;
    }
    static_cast<void>(to_control_.offer(drain));
    loop_.timers().at(drain.until + kDrainSlack, [](TimePoint) { std::_Exit(1); });
  }

  void on_end(const std::string& reason) {
    if (!reason.empty()) {
      log_error("gateway_failed", {{"reason", reason}});
      log_shutdown();
      std::_Exit(1);  // the other threads cannot be told: their supervisor starts a new process
    }
    exit_code_ = 0;
    loop_.stop();
  }

  const GatewayOptions& options_;
  actor::Wiring* wiring_;
  GatewaySockets sockets_;
  SystemClock clock_;
  std::unique_ptr<actor::KeepAwake> keep_awake_;  // of all shards; nothing: off
  metrics::Registry registry_;
  actor::Loop loop_;
  actor::Supervisor supervisor_;
  actor::Mailbox<ControlInbox> control_mailbox_;
  actor::Link<ControlInbox> to_control_;
  actor::Mailbox<MetricsInbox> metrics_mailbox_;
  metrics::ModelTags metric_tags_;  // the metrics thread's, over its lives
  std::string gateway_id_;
  std::vector<std::unique_ptr<actor::Mailbox<ShardInbox>>> shard_mailboxes_;
  std::unique_ptr<actor::Loop> control_loop_;
  std::unique_ptr<ControlActor> control_;
  IoLoop metrics_loop_;
  bool draining_ = false;  // for good
  bool replaced_ = false;  // there will be a successor, unless a drain for good follows
  int exit_code_ = 1;
};

}  // namespace

int run_gateway(const GatewayOptions& options) {
  if (options.lifeline) {
    if (const auto held = hold_lifeline(*options.lifeline); !held) {
      static_cast<void>(std::fprintf(stderr, "sluice gateway: %s\n", held.error().detail.c_str()));
      return 1;
    }
  }
  UniqueFd signals = open_signals();
  actor::Wiring wiring;
  auto sockets = open_gateway_sockets(options, wiring.context());
  if (!sockets) {
    static_cast<void>(std::fprintf(stderr, "sluice gateway: %s\n", sockets.error().detail.c_str()));
    return 1;
  }
  log_init({.process = "gateway"});
  const std::uint64_t files = raise_file_limit();
  const std::uint64_t wanted =
      static_cast<std::uint64_t>(options.shards) * limits::kConnectionsPerShard + kOwnDescriptors;
  if (files < wanted) {
    log_warn("few_descriptors", {{"limit", files}, {"wanted", wanted}});
  }
  int code = 1;
  {
    Gateway gateway(options, wiring, *std::move(sockets));
    code = gateway.run(std::move(signals));
  }
  log_info("gateway_ended");
  log_shutdown();
  return code;
}

}  // namespace sluice::gateway
