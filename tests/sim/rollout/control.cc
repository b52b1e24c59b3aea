#include "tests/sim/rollout/control.h"

#include <algorithm>
#include <utility>

#include "tests/sim/rollout/config_words.h"

namespace sluice::sim::rollout {
namespace {

using namespace std::chrono_literals;
using link::WorkerState;

constexpr Duration kSilence = 1500ms;
constexpr Duration kHeardWithin = 300ms;  // an assignment; then it was lost

ModelInfo info_of(Quality quality) {
  ModelInfo info;
  info.name = kModel;
  info.inputs = {
      {"x", DataType::float32, {-1, quality == Quality::other_signature ? 32 : 64}, false}};
  return info;
}

std::string words_of(const gateway::Routes& routes) {
  constexpr const char* kStates[] = {"expected", "ready", "draining", "failed"};
  std::string words;
  for (const gateway::RoutedVersion& each : routes.versions) {
    words += " " + std::to_string(each.version) + ":" + kStates[static_cast<int>(each.state)] +
             ":" + std::to_string(each.weight);
    for (const std::string& worker : each.workers) {
      words += " [" + worker + "]";
    }
  }
  for (const gateway::RoutedLabel& label : routes.labels) {
    words += " " + label.label + "=" + std::to_string(label.version);
  }
  for (const gateway::RoutedSettings& settings : routes.settings) {
    words += " by '" + settings.json + "'";
  }
  return words;
}

std::string words_of(const std::vector<link::AssignedWorker>& workers) {
  std::string words;
  for (const link::AssignedWorker& worker : workers) {
    words += " " + worker.worker_id;
  }
  return words;
}

}  // namespace

void SimControl::start() {
  ++life_;
  gateway::DeploymentOptions options;
  options.rules = rules_;
  options.read_config = read_config_words;
  fleet_ = std::make_unique<gateway::Fleet>(options);
  checks_.gateway_started();
  const bool remembers = life_ == 1 || world_->random.chance(70);
  config_checks_.gateway_started(remembers);
  if (life_ > 1 && remembers) {
    world_->coverage.add("remembered");
    fleet_->remember(memory_);
    checks_.remembers(memory_);
  }
  for (auto& [name, node] : *nodes_) {
    world_->time.in(world_->random.between(10ms, 400ms), [&node = node] {
      node.tell_everything();
      node.reattach_workers();
    });
  }
  watch_nodes();
  turn();
}

void SimControl::die() {
  config_checks_.gateway_died(memory_);
  fleet_.reset();
  ++life_;
  links_.clear();
  reports_.clear();
  met_.clear();
  routes_ = {};
  number_ = 0;
  applied_ = {};
  quiet_.clear();
  armed_ = TimePoint::max();
  for (SimShard& shard : *shards_) {
    shard.restart();
  }
}

// A message from a node: late, in order, perhaps lost or told twice.
void SimControl::deliver(const std::string& node, std::function<void()> what) {
  const int times = world_->random.chance(5) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    if (loses(node)) {
      world_->coverage.add("lost from nodes");
      continue;
    }
    const TimePoint when = std::max(world_->time.now() + world_->soon(), links_[node].last_in);
    links_[node].last_in = when;
    world_->time.at(when, [this, what, life = life_] {
      if (life == life_ && lives()) {
        what();
      }
    });
  }
}

void SimControl::repository_sent(const std::string& node, const link::Repository& repository) {
  deliver(node, [this, node, repository] { on_repository(node, repository); });
}

void SimControl::report_sent(const Report& report) {
  deliver(report.node, [this, report] { on_report(report); });
}

void SimControl::heard(const std::string& node) {
  links_[node].attached = true;
  links_[node].heard = world_->time.now();
}

void SimControl::on_repository(const std::string& node, const link::Repository& repository) {
  heard(node);
  if (std::exchange(links_[node].repository, repository.models) != repository.models) {
    checks_.disk_changed();
  }
  fleet_->on_repository(node, repository, world_->time.now());
  turn();
}

void SimControl::on_report(const Report& report) {
  heard(report.node);
  reports_[report.node] = report;
  std::ranges::for_each(report.workers, [&](const Reported& worker) { checks_.runs(worker); });
  tell_workers();
  Link& link = links_[report.node];
  if (!std::exchange(link.has_reported, true)) {
    checks_.first_report(report, nodes_->at(report.node));
  }
  fleet_->on_node_reported(report.node, report.follows, world_->time.now());
  turn();
  if (report.follows < link.sequence && world_->time.now() - link.sent_at > kHeardWithin) {
    link.has_sent = false;
    assign();
  }
}

void SimControl::met(std::size_t shard, const Life& worker) {
  world_->time.in(world_->soon() / 10, [this, shard, worker, life = life_] {
    if (life == life_ && lives()) {
      met_[worker].insert(shard);
      tell_workers();
      turn();
    }
  });
}

void SimControl::applied(std::size_t shard, std::uint64_t number) {
  world_->time.in(world_->soon() / 10, [this, shard, number, life = life_] {
    if (life == life_ && lives()) {
      applied_[shard] = std::max(applied_[shard], number);
      fleet_->on_applied(*std::ranges::min_element(applied_), world_->time.now());
      turn();
    }
  });
}

void SimControl::quiet(std::size_t shard, std::int64_t version, std::uint64_t number) {
  world_->time.in(world_->soon() / 10, [this, shard, version, number, life = life_] {
    if (life != life_ || !lives()) {
      return;
    }
    auto& numbers = quiet_[version];
    numbers[shard] = std::max(numbers[shard], number);
    if (const std::uint64_t least = *std::ranges::min_element(numbers); least != 0) {
      fleet_->on_quiet(kModel, version, least, world_->time.now());
      turn();
    }
  });
}

void SimControl::watch_nodes() {
  const TimePoint now = world_->time.now();
  for (auto& [name, link] : links_) {
    if (link.attached && now - link.heard > kSilence) {
      world_->coverage.add("nodes lost");
      link.attached = false;
      link.has_reported = false;
      link.has_sent = false;
      // Its workers have links of their own: those that live are known on.
      std::erase_if(reports_[name].workers,
                    [&](const Reported& worker) { return !nodes_->at(name).lives(worker.id); });
      fleet_->on_node_lost(name, now);
      tell_workers();
      turn();
    }
  }
  world_->time.in(250ms, [this, life = life_] {
    if (life == life_ && lives()) {
      watch_nodes();
    }
  });
}

void SimControl::tell_workers() {
  static const ModelInfo kInfo = info_of(Quality::good);
  static const ModelInfo kOtherInfo = info_of(Quality::other_signature);
  std::vector<gateway::WorkerFact> facts;
  for (const auto& [node, report] : reports_) {
    for (const Reported& worker : report.workers) {
      gateway::WorkerFact fact;
      fact.id = worker.id;
      fact.node = node;
      fact.model = kModel;
      fact.version = worker.version;
      fact.stamp = worker.build.stamp;
      fact.state = worker.state;
      fact.reason = worker.reason;
      fact.deaths = worker.deaths;
      const auto found = met_.find({worker.id, worker.version, worker.life});
      fact.met_by_all = found != met_.end() && found->second.size() == kShards;
      if (worker.state == WorkerState::warming || worker.state == WorkerState::ready) {
        const bool other = world_->quality_of(worker.build) == Quality::other_signature;
        fact.info = other ? &kOtherInfo : &kInfo;
      }
      facts.push_back(std::move(fact));
    }
  }
  checks_.facts(facts);
  fleet_->on_workers(facts, world_->time.now());
}

void SimControl::turn() {
  publish();
  assign();
  const std::vector<gateway::Event> events = fleet_->take_events();
  checks_.events(events, *fleet_);
  config_checks_.events(events, *fleet_);
  arm();
}

void SimControl::publish() {
  memory_ = fleet_->memory();
  gateway::Routes routes = fleet_->routes();
  if (number_ == 0 || routes != routes_) {
    checks_.published(routes_, routes, *fleet_);
    config_checks_.published(routes);
    routes_ = std::move(routes);
    ++number_;
    world_->note("snapshot", number_);
    world_->say(words_of(routes_));
    world_->coverage.add("snapshots");
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      Duration time = world_->soon() / 4;
      if (world_->random.chance(5)) {
        time += world_->random.between(50ms, 800ms);  // it is busy
      }
      const TimePoint when = std::max(world_->time.now() + time, last_view_[shard]);
      last_view_[shard] = when;
      world_->time.at(when, [this, shard, number = number_, sent = routes_, life = life_] {
        if (life == life_ && lives()) {
          (*shards_)[shard].apply(number, sent);
        }
      });
    }
  }
  fleet_->on_published(number_, world_->time.now());
  if (fleet_->routes() != routes_) {
    publish();
  }
}

void SimControl::assign() {
  memory_ = fleet_->memory();
  for (auto& [name, link] : links_) {
    const auto wanted = fleet_->assignment(name);
    if (!wanted || !link.attached || (link.has_sent && link.sent == *wanted)) {
      continue;
    }
    const auto status = fleet_->status(kModel);
    const bool rolls = status && status->rollout &&
                       status->rollout->phase != gateway::RolloutPhase::done &&
                       status->rollout->phase != gateway::RolloutPhase::rolled_back;
    config_checks_.assigned(*wanted);
    checks_.assigned(name, link.sent, *wanted, rolls);
    world_->note("assign", wanted->size());
    world_->say(name + ":" + words_of(*wanted));
    link.sent = *wanted;
    link.has_sent = true;
    link.sequence = ++assignments_;
    link.sent_at = world_->time.now();
    fleet_->on_assigned(name, link.sequence, *wanted);
    if (loses(name)) {
      world_->coverage.add("lost to nodes");
      continue;
    }
    const TimePoint when = std::max(world_->time.now() + world_->soon(), link.last_out);
    link.last_out = when;
    // It is on its way even if the gateway dies.
    world_->time.at(when, [this, name = name, sequence = link.sequence, workers = *wanted] {
      nodes_->at(name).assigned(sequence, workers);
    });
  }
}

void SimControl::arm() {
  const TimePoint due = fleet_->next_due();
  if (due == TimePoint::max() || due == armed_) {
    return;
  }
  armed_ = due;
  world_->time.at(due, [this, due, life = life_] {
    if (life == life_ && lives() && armed_ == due) {
      armed_ = TimePoint::max();
      fleet_->tick(world_->time.now());
      turn();
    }
  });
}

}  // namespace sluice::sim::rollout
