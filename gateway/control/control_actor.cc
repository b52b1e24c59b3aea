#include "gateway/control/control_actor.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/link/zmq_message.h"
#include "gateway/control/answer_counts.h"
#include "gateway/control/status_json.h"

namespace sluice::gateway {
namespace {

// Decisions follow each other within one turn (a snapshot that is out lets the next step begin);
// more than these would be a circle.
constexpr int kRounds = 8;

}  // namespace

ControlActor::ControlActor(ControlOptions options,
                           zmq::socket_t router,
                           std::vector<actor::Link<ShardInbox>> shards,
                           std::optional<actor::Link<MetricsInbox>> metrics_page,
                           metrics::Block& metrics,
                           std::function<void()> on_drained)
    : options_(std::move(options)),
      router_(std::move(router)),
      shards_(std::move(shards)),
      metrics_page_(std::move(metrics_page)),
      metrics_(&metrics),
      on_drained_(std::move(on_drained)),
      state_(options_.cluster),
      fleet_({.read_config = options_.read_config}, options_.start),
      state_file_(options_.state_file),
      acks_(shards_.size()),
      boot_id_(link::this_boot_id()),
      drained_(shards_.size(), false) {
  fleet_.remember(state_file_.load());
}

void ControlActor::attach(actor::Loop& loop) {
  loop_ = &loop;
  SystemClock clock;
  started_ = clock.now();
  loop.watch(router_, [this](TimePoint now) { return read_socket(now); });
  loop.timers().at(started_, [this](TimePoint now) { beat(now); });
}

void ControlActor::receive(ControlInbox message, TimePoint now) {
  std::visit(
      Overloaded{[&](const WorkerMet& met) { state_.on_worker_met(met); },
                 [&](const StatusQuery& query) {
                   tell(query.shard, StatusReply{query.token, Buffer::from_string(status(now))});
                 },
                 [&](AdminCall& call) { on_admin(std::move(call), now); },
                 [&](const FollowerGone& gone) {
                   feed_.remove({gone.shard, gone.token});
                 },
                 [&](const ViewApplied& applied) {
                   if (const auto number = acks_.on_applied(applied.shard, applied.number)) {
                     fleet_.on_applied(*number, now);
                   }
                 },
                 [&](const VersionQuiet& quiet) {
                   if (const auto number =
                           acks_.on_quiet(quiet.model, quiet.version, quiet.shard, quiet.number)) {
                     fleet_.on_quiet(quiet.model, quiet.version, *number, now);
                   }
                 },
                 [&](const ShardDrained& shard) {
                   drained_[static_cast<std::size_t>(shard.shard)] = true;
                   if (std::ranges::count(drained_, false) == 0) {
                     tell_all(StopShard{});
                     on_drained_();
                   }
                 },
                 [&](const DrainGateway& asked) { drain(asked, now); }},
      message);
  settle(now);
}

// Every entry point ends here: facts are handed on, and what follows from them is done.
void ControlActor::settle(TimePoint now) {
  tell_workers(now);
  fleet_.tick(now);
  begin_looked(now);
  for (int round = 0; round < kRounds && publish(now); ++round) {
  }
  assign(now);
  on_events(now);
  log_workers();
  loop_->timers().cancel(timer_);
  const TimePoint due = fleet_.next_due();
  if (due != TimePoint::max()) {
    timer_ = loop_->timers().at(due, [this](TimePoint then) { settle(then); });
  }
}

void ControlActor::tell_workers(TimePoint now) {
  const std::vector<WorkerFact> facts = state_.facts();
  fleet_.on_workers(facts, now);
}

// What versions under comparison have answered so far.
void ControlActor::tell_counts(TimePoint now) {
  for (const VersionName& name : fleet_.counted()) {
    fleet_.on_counts(
        name.model, name.version, answer_counts(*options_.registry, name.model, name.version), now);
  }
}

// Returns whether there was anything new.
bool ControlActor::publish(TimePoint now) {
  state_file_.keep(fleet_.memory());
  Routes routes = fleet_.routes();
  tell_metrics(routes);
  ClusterView view = state_.view(std::move(routes), now);
  view.number = published_ ? published_->number : 0;
  const bool news = !published_ || view != *published_;
  if (news) {
    if (!published_ || view.ready != published_->ready) {
      log_info("server_readiness", {{"ready", view.ready}});
    }
    ++view.number;
    forget_quiet(view);
    published_ = std::move(view);
    count_workers();
    tell_all(*published_);
  }
  fleet_.on_published(published_->number, now);
  return news;
}

// A page that does not keep up is told after the next event.
void ControlActor::tell_metrics(const Routes& routes) {
  if (metrics_page_ && metric_tags_.update(routes.settings) &&
      metrics_page_->offer(MetricTags{metric_tags_.tags()}) == actor::Offer::accepted) {
    metric_tags_.told();
  }
}

void ControlActor::forget_quiet(const ClusterView& next) {
  if (!published_) {
    return;
  }
  for (const VersionView& version : published_->versions) {
    const bool drains = std::ranges::any_of(next.versions, [&](const VersionView& each) {
      return each.model == version.model && each.version == version.version &&
             each.state == VersionView::State::draining;
    });
    if (!drains) {
      acks_.forget(version.model, version.version);
    }
  }
}

void ControlActor::assign(TimePoint now) {
  state_file_.keep(fleet_.memory());
  for (auto& [routing_id, peer] : peers_) {
    if (peer.kind != PeerKind::node) {
      continue;
    }
    auto workers = fleet_.assignment(peer.id);
    if (!workers || (peer.assigned && *peer.assigned == *workers)) {
      continue;
    }
    fleet_.on_assigned(peer.id, ++peer.assignments, *workers);
    static_cast<void>(link::send_to(
        router_,
        routing_id,
        link::encode(link::Assignment{.sequence = peer.assignments, .workers = *workers})));
    peer.assigned = *std::move(workers);
    peer.assigned_at = now;
  }
}

std::string ControlActor::status(TimePoint now) const {
  const std::vector<DeploymentStatus> models = fleet_.status();
  return status_json({.state = &state_,
                      .models = models,
                      .registry = options_.registry,
                      .ready = published_ && published_->ready,
                      .uptime = now - started_,
                      .now = now,
                      .shards = acknowledged()});
}

Acknowledged ControlActor::acknowledged() const {
  return {published_ ? acks_.count_of(published_->number) : 0, static_cast<int>(shards_.size())};
}

void ControlActor::drain(const DrainGateway& asked, TimePoint now) {
  log_info("gateway_draining", {{"successor", asked.successor_from.has_value()}});
  if (!asked.successor_from) {
    state_.on_drain();
    publish(now);
  }
  tell_all(DrainShard{asked.until, asked.successor_from});
}

void ControlActor::tell(int shard, ShardInbox message) {
  // A shard that has stopped reading is a shard that hangs: its supervisor's business.
  if (shards_[static_cast<std::size_t>(shard)].offer(std::move(message)) == actor::Offer::full) {
    log_error("shard_mailbox_full", {{"shard", shard}});
  }
}

void ControlActor::tell_all(const ShardInbox& message) {
  for (int shard = 0; shard < static_cast<int>(shards_.size()); ++shard) {
    tell(shard, message);
  }
}

}  // namespace sluice::gateway
