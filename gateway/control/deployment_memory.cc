// Deployment: what it leaves for the next life of the gateway, and what it makes of that.

#include <algorithm>
#include <iterator>
#include <utility>

#include "gateway/control/deployment.h"

namespace sluice::gateway {

std::optional<ModelMemory> Deployment::memory() const {
  if (held_) {
    return std::nullopt;
  }
  ModelMemory memory;
  memory.pin = pin_;
  memory.config = loaded_.json;
  memory.previous = previous_;
  memory.previous_config = previous_config_;
  memory.labels = labels_;
  for (const auto& [version, failed] : failed_) {
    if (!failed.for_want) {  // the disks may have changed by then
      memory.failed.push_back({version, failed.builds, failed.reason});
    }
  }
  memory.primary = primary_;
  const std::optional<RolloutPhase> phase =
      rollout_ ? std::optional(rollout_->phase()) : std::nullopt;
  if (phase == RolloutPhase::switching) {
    memory.previous = rollout_->plan().from;
    memory.previous_config = change_.in_force != in_force_ ? change_.in_force : std::nullopt;
  } else if (phase) {  // until the switch it is the old that serves
    memory.primary = change_.primary;
    for (const Unit& old : change_.before) {
      memory.serving.push_back({old.version, builds_of(old.workers), {}});
    }
  }
  if (phase == RolloutPhase::restoring) {
    memory.pin = change_.pin;
    memory.config = before_load_ ? before_load_->json : loaded_.json;
  } else if (phase && phase != RolloutPhase::switching) {
    if (before_load_) {
      memory.config_before = before_load_->json;
    }
    memory.rollout = RememberedRollout{rollout_->remaining(), change_.pin};
  }
  for (const Unit& each : units_) {
    const bool known =
        std::ranges::find(memory.serving, each.version, &RememberedVersion::version) !=
        memory.serving.end();
    if (each.role == Role::serving && !known) {
      memory.serving.push_back({each.version, builds_of(each.workers), {}});
    }
  }
  for (const Unit& each : units_) {
    const bool kept = each.role == Role::outgoing && each.keep_until;
    if (each.role == Role::standby || kept) {
      memory.warm.push_back({each.version, builds_of(each.workers), each.keep_for});
    }
  }
  for (const Unit& each : units_) {
    for (const auto& [id, place] : each.workers) {
      if (!place.config.empty() && place.config != memory.config) {
        memory.other_configs.insert(place.config);
      }
    }
  }
  if (memory_ && restored_) {
    add_unheard_builds(memory);
  }
  std::ranges::sort(memory.serving, {}, &RememberedVersion::version);
  std::ranges::sort(memory.warm, {}, &RememberedWarm::version);
  if (memory_ && !restored_) {  // nothing has come of it yet
    memory.serving = memory_->serving;
    memory.primary = memory_->primary;
    memory.warm = memory_->warm;
    memory.rollout = memory_->rollout;
    memory.labels = memory_->labels;
    memory.config_before = memory_->config_before;
    memory.other_configs = memory_->other_configs;
  }
  if (!is_taken_up()) {
    memory.in_force = in_force_;
  }
  return memory;
}

// What ran on nodes that have not spoken yet in this life of the gateway runs on, as far as is
// known.
void Deployment::add_unheard_builds(ModelMemory& memory) const {
  const auto is_unheard = [&](const std::string& build) {
    const auto is_of = [&](const std::string& node) { return build.starts_with(node + "/"); };
    return std::ranges::none_of(facts_.attached, is_of) &&
           std::ranges::none_of(facts_.silent, is_of);
  };
  const auto copy = [&](const std::set<std::string>& from, std::set<std::string>& to) {
    std::ranges::copy_if(from, std::inserter(to, to.end()), is_unheard);
  };
  for (const RememberedVersion& before : memory_->serving) {
    const auto now = std::ranges::find(memory.serving, before.version, &RememberedVersion::version);
    if (now != memory.serving.end()) {
      copy(before.builds, now->builds);
    }
  }
  for (const RememberedWarm& before : memory_->warm) {
    const auto now = std::ranges::find(memory.warm, before.version, &RememberedWarm::version);
    RememberedWarm alone{before.version, {}, before.keep};
    copy(before.builds, now != memory.warm.end() ? now->builds : alone.builds);
    if (!alone.builds.empty()) {
      memory.warm.push_back(std::move(alone));
    }
  }
  memory.other_configs.insert(memory_->other_configs.begin(), memory_->other_configs.end());
}

void Deployment::remember(ModelMemory memory) {
  pin_ = memory.pin;
  auto loaded = read_config(memory.config);
  auto before = read_config(memory.config_before.value_or(""));
  if (loaded && before) {
    loaded_ = *std::move(loaded);
    if (memory.config_before) {
      before_load_ = *std::move(before);
    }
  } else {
    unreadable_ = (loaded ? before : loaded).error().detail;
  }
  in_force_ = memory.in_force;
  previous_ = memory.previous;
  if (memory.previous_config && read_config(memory.previous_config->json)) {
    previous_config_ = memory.previous_config;
  }
  for (const RememberedVersion& each : memory.failed) {
    failed_[each.version] = {each.builds, each.reason};
  }
  memory_ = std::move(memory);
}

// Whether it may be served before anything changes. Without a memory whatever runs may.
bool Deployment::served_before(std::int64_t version) const {
  return !memory_ || memory_->serving.empty() ||
         std::ranges::find(memory_->serving, version, &RememberedVersion::version) !=
             memory_->serving.end();
}

bool Deployment::build_served_before(std::int64_t version, const std::string& build) const {
  return memory_ && std::ranges::any_of(memory_->serving, [&](const RememberedVersion& each) {
           return each.version == version && each.builds.contains(build);
         });
}

bool Deployment::was_warm(std::int64_t version, const std::string& build) const {
  return memory_ && std::ranges::any_of(memory_->warm, [&](const RememberedWarm& each) {
           return each.version == version && each.builds.contains(build);
         });
}

// What to begin with when nothing runs: the builds that served, if they are still there.
std::vector<Spec> Deployment::remembered_specs() const {
  std::vector<Spec> specs;
  if (!memory_ || restored_ || (pin_ && pin_->versions.empty())) {
    return specs;
  }
  for (const RememberedVersion& each : memory_->serving) {
    for (const LoadedConfig* config : {&loaded_, before_load_ ? &*before_load_ : &loaded_}) {
      Spec spec = spec_of(each.version, config->json);
      const std::set<std::string> builds = builds_of(spec.workers);
      const bool same = std::ranges::any_of(
          builds, [&](const std::string& build) { return each.builds.contains(build); });
      if (same) {
        specs.push_back(std::move(spec));
        break;
      }
    }
  }
  return specs;
}

// A change of what serves: the rollout that was cut off, if that is where it goes.
void Deployment::begin_by_itself(Difference difference, TimePoint now) {
  RolloutPlan plan = default_plan();
  std::optional<Pin> pin = pin_;
  if (memory_ && memory_->rollout) {
    RememberedRollout cut_off = *std::exchange(memory_->rollout, std::nullopt);
    if (cut_off.plan.to == wanted().versions) {
      plan = std::move(cut_off.plan);
      pin = std::move(cut_off.pin);
      plan.from.clear();
      plan.to.clear();
    }
  }
  begin(std::move(plan), std::move(difference), now);
  change_.pin = std::move(pin);
}

}  // namespace sluice::gateway
