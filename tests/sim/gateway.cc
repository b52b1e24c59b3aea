#include "tests/sim/gateway.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "gateway/route/request_id.h"
#include "tests/sim/trace.h"

namespace sluice::sim {

using namespace std::chrono_literals;
using gateway::LinkKey;
using gateway::slot_of;

namespace {

constexpr const char* kModel = "model";

gateway::QueueRules rules_of(const Plan& plan) {
  gateway::QueueRules rules{.levels = static_cast<std::uint32_t>(plan.levels.size()),
                            .default_level = static_cast<std::uint32_t>(plan.default_level)};
  for (const Level& level : plan.levels) {
    rules.of_level[static_cast<std::uint32_t>(rules.of_level.size() + 1)] = {
        .max_queue_size = static_cast<std::uint32_t>(level.most),
        .default_timeout = level.wait,
        .delay_on_timeout = level.delays,
        .allow_timeout_override = level.takes_wish};
  }
  return rules;
}

}  // namespace

void SimShard::start(std::uint64_t life, const Snapshot& snapshot) {
  life_ = life;
  core_ = make_core(mutant_,
                    {.shard = static_cast<std::uint8_t>(index_),
                     .seed = world_->plan->seed * 1'000 + life,
                     .queue_requests = world_->plan->queue_requests,
                     .queue_bytes = world_->plan->queue_bytes});
  links_.clear();
  payloads_.clear();
  ids_.assign(world_->plan->questions.size(), 0);
  armed_ = TimePoint::max();
  take_snapshot(snapshot);
  beat(life_, 0);
}

void SimShard::take_snapshot(const Snapshot& snapshot) {
  if (core_ == nullptr) {
    return;
  }
  snapshot_ = snapshot;
  std::vector<gateway::VersionRoute> routes;
  for (const Snapshot::Version& version : snapshot_.versions) {
    routes.push_back({.version = version.number,
                      .state = version.state,
                      .weight = version.weight,
                      .workers = version.workers});
  }
  world_->oracle->routed(index_, snapshot_);
  core_->on(
      gateway::RouteSet{.model = kModel, .versions = routes, .rules = rules_of(*world_->plan)},
      world_->scheduler->now(),
      actions_);
  perform_all();
}

void SimShard::stop(Coverage& coverage) {
  coverage.add(core_->counters());
  world_->oracle->finish(index_, core_->counters());
  core_.reset();
  actions_.clear();
}

void SimShard::ask(std::uint32_t number) {
  const TimePoint now = world_->scheduler->now();
  const Question& question = world_->plan->questions[number];
  world_->trace->add(now, "ask", index_, number, question.poison ? 1 : 0);
  world_->oracle->asked(number, now);
  const auto id =
      core_->admit({.model = kModel,
                    .version = question.version,
                    .bytes = question.bytes,
                    .deadline = now + question.timeout,
                    .wish = question.wish ? std::optional(now + *question.wish) : std::nullopt,
                    .priority = question.priority,
                    .fingerprint = core_->wants_fingerprints() ? question.fingerprint : 0},
                   now,
                   actions_);
  if (!id) {
    world_->trace->add(now, "refuse", index_, number, static_cast<std::uint64_t>(id.error().code));
    world_->oracle->refused(number, id.error(), now);
    perform_all();
    return;
  }
  const std::size_t slot = slot_of(*id);
  if (slot >= payloads_.size()) {
    payloads_.resize(slot + 1);
  }
  payloads_[slot] = {.id = *id, .question = number};
  ids_[number] = *id;
  world_->trace->add(now, "accept", index_, *id, number);
  world_->oracle->accepted(number, *id);
  if (actions_.empty()) {
    const auto models = core_->models();
    world_->oracle->waits(number, models.front().queued, models.front().queued_bytes);
  }
  perform_all();
}

void SimShard::client_gone(std::uint32_t number) {
  const RequestId id = ids_[number];
  if (id == 0) {
    return;
  }
  world_->trace->add(world_->scheduler->now(), "gone", index_, id, 0);
  world_->oracle->client_gone(id);
  core_->on(gateway::ClientGone{id}, world_->scheduler->now(), actions_);
  perform_all();
}

std::optional<LinkKey> SimShard::key_of(ConnectionId connection) const {
  const auto found = std::ranges::find(links_, connection, &Link::connection);
  if (found == links_.end()) {
    return std::nullopt;
  }
  return static_cast<LinkKey>(found - links_.begin());
}

void SimShard::arrived(ConnectionId connection, const Packet& packet) {
  const TimePoint now = world_->scheduler->now();
  world_->trace->add(
      now, "shard reads", index_, packet.id, static_cast<std::uint64_t>(packet.kind));
  const auto key = key_of(connection);
  if (packet.kind == Kind::hello) {
    on_hello(connection, packet);
  } else if (!key) {
    world_->network->send(connection, Direction::to_worker, {.kind = Kind::bye});
  } else {
    world_->oracle->heard(link_id(*key), now);
    switch (packet.kind) {
      case Kind::heartbeat:
        world_->oracle->credit(link_id(*key), packet.credit);
        core_->on(gateway::HeartbeatArrived{.link = *key,
                                            .credit = packet.credit,
                                            .progress = packet.progress,
                                            .running = packet.running},
                  now,
                  actions_);
        break;
      case Kind::drain:
        world_->oracle->draining(link_id(*key));
        core_->on(gateway::WorkerDraining{*key}, now, actions_);
        break;
      default:
        on_answer(*key, packet);
        break;
    }
  }
  perform_all();
}

void SimShard::on_hello(ConnectionId connection, const Packet& packet) {
  auto place = std::ranges::find(links_, kNoConnection, &Link::connection);
  if (place == links_.end()) {
    place = links_.insert(links_.end(), Link{});
  }
  const auto key = static_cast<LinkKey>(place - links_.begin());
  const Connection& link = world_->network->at(connection);
  const std::string id = id_of_worker(link.worker);
  const std::int64_t version = version_of_worker(link.worker, world_->plan->versions);
  *place = {.connection = connection, .worker = id + "." + std::to_string(link.life)};
  world_->network->send(connection, Direction::to_worker, {.kind = Kind::welcome});
  world_->oracle->attached(
      link_id(key), id, version, place->worker, packet.credit, world_->scheduler->now());
  core_->on(gateway::WorkerAttached{.link = key,
                                    .id = id,
                                    .worker = place->worker,
                                    .model = kModel,
                                    .version = version,
                                    .credit = packet.credit,
                                    .executors = packet.executors},
            world_->scheduler->now(),
            actions_);
}

void SimShard::on_answer(LinkKey key, const Packet& packet) {
  gateway::ResultArrived event{
      .link = key, .id = packet.id, .attempt = packet.attempt, .service = packet.service};
  if (packet.kind == Kind::failure) {
    event.failure = packet.error;
  }
  event.credit = packet.credit;
  read_attempt_ = packet.attempt;
  world_->oracle->credit(link_id(key), packet.credit);
  world_->oracle->result_read(link_id(key), packet.id, packet.attempt);
  core_->on(event, world_->scheduler->now(), actions_);
}

void SimShard::worker_ended(const std::string& name,
                            const std::vector<RequestId>& running,
                            bool killed) {
  world_->oracle->death_told(index_, name);
  core_->on(gateway::WorkerDied{.worker = name, .running = running, .killed = killed},
            world_->scheduler->now(),
            actions_);
  perform_all();
}

void SimShard::due(std::uint64_t life, std::uint64_t when) {
  if (life != life_ || core_ == nullptr ||
      TimePoint(Duration(static_cast<Duration::rep>(when))) != armed_) {
    return;
  }
  armed_ = TimePoint::max();
  core_->tick(world_->scheduler->now(), actions_);
  perform_all();
}

void SimShard::beat(std::uint64_t life, std::uint64_t /*unused*/) {
  if (life != life_ || core_ == nullptr) {
    return;
  }
  for (LinkKey key = 0; key < links_.size(); ++key) {
    if (links_[key].connection != kNoConnection && core_->beats(key)) {
      send(key, {.kind = Kind::heartbeat});
    }
  }
  perform_all();
  world_->scheduler->at<&SimShard::beat>(
      world_->scheduler->now() + limits::kHeartbeatOnHost, *this, life_);
}

void SimShard::send(LinkKey key, const Packet& packet) {
  const ConnectionId connection = links_[key].connection;
  if (connection == kNoConnection) {
    return;
  }
  if (world_->network->at(connection).closed) {
    core_->on(gateway::LinkLost{key}, world_->scheduler->now(), actions_);
    return;
  }
  world_->network->send(connection, Direction::to_worker, packet);
}

// Every entry point ends here, as in the shell: actions are done in order, by index, because doing
// one may append others; then the timer follows the earliest due.
void SimShard::perform_all() {
  for (std::size_t i = 0; i < actions_.size(); ++i) {
    const gateway::Action action = std::move(actions_[i]);
    std::visit([&](const auto& each) { perform(each); }, action);
  }
  actions_.clear();
  world_->oracle->settled(index_);
  for (const Snapshot::Version& version : snapshot_.versions) {
    if (version.state == gateway::VersionState::draining) {
      world_->oracle->quiet(index_, version.number, core_->quiet(kModel, version.number));
    }
  }
  const TimePoint due = core_->next_due();
  if (due < armed_) {
    armed_ = due;
    world_->scheduler->at<&SimShard::due>(
        due, *this, life_, static_cast<std::uint64_t>(due.time_since_epoch().count()));
  }
}

void SimShard::perform(const gateway::Send& action) {
  world_->trace->add(world_->scheduler->now(), "send", action.link, action.id, action.attempt);
  world_->oracle->sent(link_id(action.link), action, world_->scheduler->now());
  const Payload& payload = payloads_[slot_of(action.id)];
  send(action.link,
       {.kind = Kind::infer,
        .id = action.id,
        .attempt = action.attempt,
        .question = payload.question,
        .alone = action.alone,
        .deadline = action.deadline});
}

void SimShard::perform(const gateway::Cancel& action) {
  world_->trace->add(world_->scheduler->now(), "cancel", action.link, action.id, action.attempt);
  world_->oracle->cancel_sent(action);
  send(action.link, {.kind = Kind::cancel, .id = action.id, .attempt = action.attempt});
}

void SimShard::perform(const gateway::Answer& action) {
  const TimePoint now = world_->scheduler->now();
  world_->trace->add(
      now, "answer", index_, action.id, static_cast<std::uint64_t>(action.error.code));
  world_->oracle->answered(action, now);
  if (action.quarantine) {
    const std::uint32_t question = payloads_[slot_of(action.id)].question;
    core_->on(gateway::Quarantined{.model = kModel,
                                   .fingerprint = world_->plan->questions[question].fingerprint},
              now,
              actions_);
  }
}

void SimShard::perform(const gateway::Deliver& action) {
  world_->trace->add(world_->scheduler->now(), "deliver", index_, action.id, read_attempt_);
  world_->oracle->delivered(action.id, read_attempt_, world_->scheduler->now());
}

void SimShard::perform(const gateway::Bye& action) {
  send(action.link, {.kind = Kind::bye});
}

void SimShard::perform(const gateway::CloseLink& action) {
  world_->trace->add(world_->scheduler->now(), "close", index_, action.link, 0);
  world_->oracle->closed(link_id(action.link));
  links_[action.link] = Link{};
}

void SimShard::perform(const gateway::Notice& action) {
  world_->trace->add(world_->scheduler->now(),
                     "notice",
                     index_,
                     action.link,
                     static_cast<std::uint64_t>(action.what));
  if (action.what == gateway::LinkNotice::suspected) {
    world_->oracle->suspected(link_id(action.link), true);
  } else if (action.what == gateway::LinkNotice::trusted) {
    world_->oracle->suspected(link_id(action.link), false);
  }
}

SimGateway::SimGateway(const World& world, Mutant mutant) : world_(&world) {
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_[i] = std::make_unique<SimShard>(world, i, mutant);
  }
}

void SimGateway::start(const Snapshot& snapshot) {
  ++life_;
  world_->trace->add(world_->scheduler->now(), "gateway starts", 0, life_, 0);
  for (const auto& shard : shards_) {
    shard->start(life_, snapshot);
  }
}

void SimGateway::take_snapshot(std::size_t shard, const Snapshot& snapshot) {
  shards_[shard]->take_snapshot(snapshot);
}

void SimGateway::die() {
  world_->trace->add(world_->scheduler->now(), "gateway dies", 0, life_, 0);
  for (const auto& shard : shards_) {
    shard->stop(coverage_);
  }
  world_->oracle->gateway_died();
  world_->network->lose_all_to_shards();
}

bool SimGateway::idle() const {
  return std::ranges::all_of(shards_, [](const auto& shard) { return shard->idle(); });
}

void SimGateway::ask(std::uint32_t question) {
  ++coverage_.requests;
  if (!lives()) {
    ++coverage_.broken_connections;
    world_->oracle->connection_broken(question);
    return;
  }
  shards_[world_->plan->questions[question].shard]->ask(question);
}

void SimGateway::client_gone(std::uint32_t question) {
  if (lives()) {
    shards_[world_->plan->questions[question].shard]->client_gone(question);
  }
}

void SimGateway::arrived(ConnectionId connection, const Packet& packet) {
  if (lives()) {
    shards_[world_->network->at(connection).shard]->arrived(connection, packet);
  }
}

void SimGateway::worker_ended(const std::string& name,
                              const std::vector<RequestId>& running,
                              bool killed) {
  if (!lives()) {
    return;
  }
  for (const auto& shard : shards_) {
    shard->worker_ended(name, running, killed);
  }
}

}  // namespace sluice::sim
