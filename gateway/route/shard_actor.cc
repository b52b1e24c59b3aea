#include "gateway/route/shard_actor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/link/zmq_message.h"
#include "gateway/protocol/control_replies.h"

namespace sluice::gateway {
namespace {

constexpr auto kBeatTick = std::chrono::milliseconds(50);

VersionRoute route_of(const VersionView& view) {
  VersionRoute route{.version = view.version, .workers = view.workers};
  switch (view.state) {
    case VersionView::State::failed:
      route.state = VersionState::failed;
      route.reason = view.reason;
      break;
    case VersionView::State::draining:
      route.state = VersionState::draining;
      break;
    case VersionView::State::expected:
    case VersionView::State::ready:
      route.state = VersionState::expected;  // whether it is ready, the links tell
      break;
  }
  route.weight = view.weight;
  return route;
}

// Every model that the view speaks of.
void add_names(const ClusterView& view, std::set<std::string>& names) {
  names.insert(view.expected_models.begin(), view.expected_models.end());
  for (const VersionView& version : view.versions) {
    names.insert(version.model);
  }
}

int descriptor_of(zmq::socket_ref socket) {
  return socket.get(zmq::sockopt::fd);
}

}  // namespace

ShardActor::ShardActor(IoLoop& loop,
                       ShardOptions options,
                       zmq::socket_t router,
                       actor::Mailbox<ShardInbox>& mailbox,
                       actor::Link<ControlInbox> control,
                       metrics::Block& metrics)
    : loop_(&loop),
      options_(std::move(options)),
      router_(std::move(router)),
      mailbox_(&mailbox),
      control_(std::move(control)),
      metrics_(metrics),
      dispatcher_(options_.dispatcher),
      boot_id_(link::this_boot_id()),
      listener_(loop, *this, options_.http),
      mail_post_(loop, callback_of<&ShardActor::on_mail>(*this)),
      router_post_(loop, callback_of<&ShardActor::on_router_readable>(*this)),
      gather_post_(loop, callback_of<&ShardActor::on_gathered>(*this)),
      mail_watch_(loop, descriptor_of(mailbox.socket()), callback_of<&ShardActor::on_mail>(*this)),
      router_watch_(
          loop, descriptor_of(router_), callback_of<&ShardActor::on_router_readable>(*this)),
      due_timer_(loop, callback_of<&ShardActor::on_due>(*this)),
      beat_timer_(loop, callback_of<&ShardActor::on_beat_timer>(*this)) {
  // What arrived before the watches were armed raises no edge.
  mail_post_.post();
  router_post_.post();
  beat_timer_.at(loop.now());
}

void ShardActor::on_mail(TimePoint now) {
  const std::size_t count =
      mailbox_->drain([&](ShardInbox&& message) { receive(std::move(message), now); });
  if (count == limits::kMailboxDrain) {
    mail_post_.post();
  }
  after_events(now);
}

void ShardActor::receive(ShardInbox message, TimePoint now) {
  std::visit(
      Overloaded{[&](const ClusterView& view) { on_view(view, now); },
                 [&](const WorkerLifeEnded& ended) { on_life_ended(ended, now); },
                 [&](const StatusReply& reply) {
                   on_control_answer(reply.token, json_reply(std::string(reply.json.text())));
                 },
                 [&](const AdminReply& reply) {
                   on_control_answer(reply.token, operator_reply(reply.error, reply.json.text()));
                 },
                 [&](const StreamPart& part) { on_stream_part(part); },
                 [&](const DrainShard& drain) { on_drain(drain, now); },
                 [&](const StopShard&) {
                   links_.for_each([&](LinkKey, const WorkerLink& link) {
                     static_cast<void>(link::send_to(
                         router_, link.identity, link::encode(link::Bye{"gateway ends"})));
                   });
                   loop_->stop();
                 }},
      message);
}

void ShardActor::on_drain(const DrainShard& drain, TimePoint now) {
  waiting_listeners_.clear();
  streams_end_ = drain.successor_from ? "the gateway is replaced" : "the server is shutting down";
  end_streams();
  if (drain.successor_from) {
    listener_.hand_over(*drain.successor_from, drain.until);
    return;
  }
  draining_ = true;
  dispatcher_.on(GatewayDraining{}, now, actions_);
  listener_.drain(drain.until);
}

// Logged when the first of them have been sent, so that the line's time says how soon that was.
void ShardActor::on_life_ended(const WorkerLifeEnded& ended, TimePoint now) {
  const std::uint64_t running = dispatcher_.counters().retries_running;
  const std::uint64_t waiting = dispatcher_.counters().retries_waiting;
  dispatcher_.on(WorkerDied{ended.life, ended.running, ended.killed}, now, actions_);
  const auto resent = std::ranges::count_if(actions_, [](const Action& action) {
    const Send* send = std::get_if<Send>(&action);
    return send != nullptr && send->attempt > 1;
  });
  const RouteCounters& counters = dispatcher_.counters();
  const std::uint64_t were_running = counters.retries_running - running;
  const std::uint64_t were_waiting = counters.retries_waiting - waiting;
  perform_actions(now);
  if (were_running + were_waiting > 0) {
    log_info("requests_moved",
             {{"shard", options_.index},
              {"from", ended.life},
              {"running", were_running},
              {"waiting", were_waiting},
              {"sent_again", resent}});
  }
}

void ShardActor::listen(UniqueFd socket, std::uint32_t port_tag) {
  waiting_listeners_.emplace_back(std::move(socket), port_tag);
}

void ShardActor::on_view(const ClusterView& view, TimePoint now) {
  std::set<std::string> names;
  add_names(models_.view(), names);
  add_names(view, names);
  for (const std::string& name : names) {
    set_routes(name, view, now);
  }
  models_.update(view);
  for (auto& [socket, tag] : std::exchange(waiting_listeners_, {})) {
    listener_.listen(std::move(socket), tag);
  }
  learn_from_links();
  leaving_.clear();
  for (const VersionView& version : view.versions) {
    if (version.state == VersionView::State::draining) {
      leaving_.push_back({version.model, version.version});
    }
  }
  tell_control(ViewApplied{options_.index, view.number});
}

void ShardActor::set_routes(const std::string& model, const ClusterView& view, TimePoint now) {
  std::vector<VersionRoute> routes;
  for (const VersionView& version : view.versions) {
    if (version.model == model) {
      routes.push_back(route_of(version));
    }
  }
  // Nobody has spoken for it yet: requests that name no version wait all the same.
  const bool expected = routes.empty() && std::ranges::count(view.expected_models, model) > 0;
  const auto setup = std::ranges::find(view.models, model, &ModelSetup::model);
  dispatcher_.on(RouteSet{.model = model,
                          .versions = routes,
                          .expected = expected,
                          .rules = setup == view.models.end() ? QueueRules{} : setup->queue},
                 now,
                 actions_);
}

void ShardActor::learn_from_links() {
  links_.for_each([&](LinkKey, const WorkerLink& link) {
    models_.learn(link.info, models_.admits(link.info, link.worker_id), link.config);
  });
}

// Nothing of a draining version is left here: its workers may go as far as this shard is concerned.
void ShardActor::tell_quiet() {
  for (Leaving& leaving : leaving_) {
    if (!leaving.told && dispatcher_.quiet(leaving.model, leaving.version)) {
      leaving.told = true;
      tell_control(
          VersionQuiet{options_.index, models_.view().number, leaving.model, leaving.version});
    }
  }
}

void ShardActor::on_control_answer(std::uint64_t token, ClientReply reply) {
  const auto asked = asked_control_.find(token);
  if (asked != asked_control_.end()) {
    listener_.reply(asked->second, std::move(reply));
    asked_control_.erase(asked);
  }
}

bool ShardActor::tell_control(ControlInbox message) {
  const bool full = control_.offer(std::move(message)) == actor::Offer::full;
  if (full) {
    log_error("control_mailbox_full", {{"shard", options_.index}});
  }
  return !full;
}

void ShardActor::met(const WorkerLink& link, bool met) {
  tell_control(WorkerMet{options_.index, link.worker_id, link.pid, met});
}

void ShardActor::on_drained() {
  tell_control(ShardDrained{options_.index});
}

// Every entry point ends here: what was decided is done, and the timer follows the earliest due.
void ShardActor::after_events(TimePoint now) {
  perform_actions(now);
  tell_quiet();
  if (!gathering_) {
    flush_links(now);
  }
  if (std::exchange(sent_, false) && (router_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0) {
    router_post_.post();  // a send has used up the edge of the ROUTER's descriptor
  }
  const TimePoint due = dispatcher_.next_due();
  if (due < armed_) {
    armed_ = due;
    due_timer_.at(due);
  }
}

void ShardActor::on_due(TimePoint now) {
  armed_ = TimePoint::max();
  dispatcher_.tick(now, actions_);
  after_events(now);
}

void ShardActor::on_beat_timer(TimePoint now) {
  beat(now);
  const auto models = dispatcher_.models();
  metrics_.copy(dispatcher_.counters(), listener_.counters(), models);
  beat_timer_.at(now + kBeatTick);
  after_events(now);
}

}  // namespace sluice::gateway
