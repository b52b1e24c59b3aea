#include "gateway/control/deployment.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

using link::WorkerState;

bool is_alive(WorkerState state) {
  return state != WorkerState::failed && state != WorkerState::ended;
}

}  // namespace

Deployment::Deployment(std::string model, const DeploymentOptions& options, CommandIds& ids)
    : model_(std::move(model)), options_(options), ids_(&ids) {}

// --- facts ---------------------------------------------------------------------------------------

void Deployment::on_model(ModelFacts facts, TimePoint now) {
  if (facts.problem != facts_.problem && !facts.problem.empty()) {
    tell(EventKind::problem, 0, facts.problem, now);
  }
  facts_ = std::move(facts);
  if (memory_) {
    for (auto& [label, version] : std::exchange(memory_->labels, {})) {
      labels_.try_emplace(label, version);
    }
  }
  for (const std::string& node : facts_.fresh) {
    adopt(node, now);
  }
  facts_.fresh.clear();
  settle(now);
}

void Deployment::on_workers(std::span<const WorkerFact> workers, TimePoint now) {
  FactsById facts;
  bool learned = false;
  for (const WorkerFact& worker : workers) {
    const auto at = facts.emplace(worker.id, worker).first;
    at->second.info = nullptr;  // it is lent for this call
    if (worker.info != nullptr) {
      infos_[worker.id] = *worker.info;
    }
    for (Unit& unit : units_) {
      const auto place = unit.workers.find(worker.id);
      if (worker.finite && place != unit.workers.end()) {
        bool& finite = unit.finite.try_emplace(place->second.build, true).first->second;
        learned = learned || finite != (finite && *worker.finite);
        finite = finite && *worker.finite;
      }
      if (worker.info != nullptr && place != unit.workers.end()) {
        ModelInfo& known = unit.infos[place->second.build];
        learned = learned || known != *worker.info;
        known = *worker.info;
      }
    }
  }
  std::erase_if(infos_, [&](const auto& entry) { return !facts.contains(entry.first); });
  if (learned || facts != workers_) {
    workers_ = std::move(facts);
    settle(now);
  }
}

void Deployment::on_published(std::uint64_t number, TimePoint now) {
  if (published_ == 0) {
    published_ = number;
  }
  for (Unit& unit : units_) {
    if (unit.published == 0) {
      unit.published = number;
      // Taken back and let go of again before a shard saw it: what they have said of it stands.
      const auto quiet = quiet_.find(unit.version);
      unit.quiet =
          unit.routing == Routing::draining && quiet != quiet_.end() && quiet->second >= number;
    }
    if (unit.routing == Routing::draining && serving(unit.version) != nullptr) {
      // The shards see its version serve: none will say that it is quiet. Its workers end what
      // they have.
      unit.routing = Routing::none;
      unit.published = number;
    }
  }
  settle(now);
}

void Deployment::on_applied(std::uint64_t number, TimePoint now) {
  applied_ = std::max(applied_, number);
  settle(now);
}

// Versions come and go for years.
void Deployment::forget_gone() {
  if (quiet_.empty() && counts_.empty()) {
    return;
  }
  const std::vector<std::int64_t> versions = all_versions();
  const auto is_gone = [&](const auto& entry) {
    return !std::ranges::binary_search(versions, entry.first);
  };
  std::erase_if(quiet_, is_gone);
  std::erase_if(counts_, is_gone);
}

void Deployment::on_quiet(std::int64_t version, std::uint64_t number, TimePoint now) {
  std::uint64_t& latest = quiet_[version];
  latest = std::max(latest, number);
  for (Unit& unit : units_) {
    if (unit.version == version && unit.routing == Routing::draining && unit.published != 0 &&
        number >= unit.published) {
      unit.quiet = true;
    }
  }
  settle(now);
}

void Deployment::on_counts(std::int64_t version, const AnswerCounts& counts, TimePoint now) {
  counts_[version] = counts;
  settle(now);
}

void Deployment::tick(TimePoint now) {
  settle(now);
}

TimePoint Deployment::next_due() const {
  TimePoint due = rollout_ ? rollout_->next_due() : TimePoint::max();
  if (change_.lacks_since) {
    due = std::min(due, *change_.lacks_since + limits::kNodeWithoutVersion);
  }
  for (const Unit& unit : units_) {
    if (unit.role == Role::standby && unit.keep_until) {
      due = std::min(due, *unit.keep_until);
    }
  }
  return due;
}

// --- what is wanted ------------------------------------------------------------------------------

// Of the repositories and of workers started by hand.
std::vector<std::int64_t> Deployment::there() const {
  std::set<std::int64_t> versions;
  for (const AvailableVersion& version : facts_.versions) {
    versions.insert(version.number);
  }
  for (const auto& [id, worker] : workers_) {
    if (worker.node.empty() && is_alive(worker.state)) {
      versions.insert(worker.version);
    }
  }
  return {versions.begin(), versions.end()};
}

WantedVersions Deployment::wanted() const {
  return wanted_by(settings().policy, pin_);
}

WantedVersions Deployment::wanted_by(const link::VersionPolicy& policy,
                                     const std::optional<Pin>& pin) const {
  if (pin) {
    return wanted_versions(policy, pin, there());
  }
  std::vector<std::int64_t> stored;
  for (const AvailableVersion& version : facts_.versions) {
    stored.push_back(version.number);
  }
  WantedVersions wanted = wanted_versions(policy, pin, stored);
  // A version that somebody starts by hand is wanted by being there.
  for (const auto& [id, worker] : workers_) {
    if (worker.node.empty() && is_alive(worker.state)) {
      wanted.versions.push_back(worker.version);
    }
  }
  std::ranges::sort(wanted.versions);
  auto& versions = wanted.versions;
  versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
  return wanted;
}

Spec Deployment::spec_of(std::int64_t version) const {
  return spec_of(version, loaded_.json);
}

Spec Deployment::spec_of(std::int64_t version, const std::string& config) const {
  Spec spec{version, {}};
  const auto found = std::ranges::find(facts_.versions, version, &AvailableVersion::number);
  if (found != facts_.versions.end()) {
    for (const auto& [node, stamp] : found->stamps) {
      const std::string build = build_name(node, model_, version, stamp, config);
      const std::uint32_t replicas = std::max(settings().replicas, 1U);
      for (std::uint32_t replica = 0; replica < replicas; ++replica) {
        spec.workers.emplace(build + "/" + std::to_string(replica),
                             Place{node, build, stamp, config});
      }
    }
  }
  for (const auto& [id, worker] : workers_) {
    if (worker.node.empty() && worker.version == version && is_alive(worker.state)) {
      spec.workers.emplace(id, Place{});
    }
  }
  return spec;
}

std::vector<Spec> Deployment::specs() const {
  std::vector<Spec> specs;
  for (const std::int64_t version : wanted().versions) {
    specs.push_back(spec_of(version));
  }
  return specs;
}

const Deployment::Failed* Deployment::failure_of(const Spec& spec) const {
  const auto found = failed_.find(spec.version);
  const bool known = options_.rules.remembers_failures && found != failed_.end() &&
                     std::ranges::any_of(spec.workers,
                                         [&](const auto& entry) {
                                           return found->second.builds.contains(entry.second.build);
                                         }) &&
                     (!found->second.for_want || found->second.builds == builds_of(spec.workers));
  return known ? &found->second : nullptr;
}

std::vector<Spec> Deployment::startable() const {
  std::vector<Spec> wanted = specs();
  const bool all =
      std::erase_if(wanted, [&](const Spec& spec) { return failure_of(spec) != nullptr; }) == 0;
  if (all) {
    return wanted;
  }
  for (const Unit& unit : units_) {
    const bool named = std::ranges::find(wanted, unit.version, &Spec::version) != wanted.end();
    if (unit.role == Role::serving && !named) {
      wanted.push_back({unit.version, unit.workers});  // it serves until something better does
    }
  }
  std::ranges::sort(wanted, {}, &Spec::version);
  return wanted;
}

Deployment::Difference Deployment::difference() const {
  Difference difference;
  const std::vector<Spec> wanted = startable();
  for (const Spec& spec : wanted) {
    const Unit* now = serving(spec.version);
    if (now == nullptr || differs(now->workers, spec.workers)) {
      difference.added.push_back(spec);
    }
  }
  for (const Unit& unit : units_) {
    if (unit.role != Role::serving) {
      continue;
    }
    const auto spec = std::ranges::find(wanted, unit.version, &Spec::version);
    if (spec == wanted.end() || differs(unit.workers, spec->workers)) {
      difference.removed.push_back(unit.id);
    }
  }
  return difference;
}

}  // namespace sluice::gateway
