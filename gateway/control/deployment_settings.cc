// Deployment: its configuration: the one that is wanted, the one in force, and a load, which may
// bring one in place of the one on disk.

#include <algorithm>
#include <utility>

#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

Error refused(std::string words) {
  return {ErrorCode::invalid_argument, std::move(words)};
}

}  // namespace

const link::ModelSettings& Deployment::settings() const {
  return loaded_.json.empty() ? facts_.settings : loaded_.settings;
}

const link::ModelSettings& Deployment::in_force() const {
  return in_force_ ? in_force_->settings : settings();
}

// An empty text is no configuration: the one on disk.
Result<LoadedConfig> Deployment::read_config(const std::string& json) const {
  if (json.empty()) {
    return LoadedConfig();
  }
  if (options_.read_config == nullptr) {
    return Error{ErrorCode::unsupported, "this server takes no configuration with a load"};
  }
  return options_.read_config(json, model_);
}

Result<void> Deployment::load(const std::string& config, CommandId id, TimePoint now) {
  if (there().empty()) {
    return facts_.problem.empty()
               ? Error{ErrorCode::not_found, model_ + ": no version of it is in the repository"}
               : refused(model_ + ": " + facts_.problem);
  }
  if (rollout_ && options_.rules.one_at_a_time && config != loaded_.json) {
    return refused(model_ + ": a rollout is under way; abort it before the configuration changes");
  }
  SLUICE_TRY_ASSIGN(LoadedConfig next, read_config(config));
  const link::ModelSettings& then = config.empty() ? facts_.settings : next.settings;
  const WantedVersions chosen = wanted_by(then.policy, std::nullopt);
  if (chosen.versions.empty()) {
    return Error{ErrorCode::not_found, model_ + ": " + chosen.note};
  }
  const std::vector<std::int64_t> versions = there();
  for (const auto& [label, version] : then.labels) {
    if (!config.empty() && !std::ranges::binary_search(versions, version)) {
      return Error{ErrorCode::not_found,
                   model_ + ": label '" + label + "' names version " + std::to_string(version) +
                       ", which is not in the repository; it has " + list_of(versions)};
    }
  }
  const bool serves =
      std::ranges::any_of(units_, [](const Unit& each) { return each.role == Role::serving; });
  const std::optional<Pin> pin = pin_;
  const bool rolls = rollout_.has_value();
  if (rolls && !before_load_) {
    change_.pin.reset();
  }
  set_pin(std::nullopt, now);
  if (config != loaded_.json) {
    before_load_ = serves ? std::optional(std::move(loaded_)) : std::nullopt;
    loaded_ = std::move(next);
  }
  unreadable_.clear();
  failed_.clear();
  retry_failed();
  waiting_.push_back({id, false});
  settle(now);
  if (rollout_ && !rolls && before_load_) {
    change_.pin = pin;
  }
  return {};
}

// A loaded configuration with which nothing became ready is not kept: what serves would be replaced
// by builds of it whenever it can.
void Deployment::give_back_config(const std::string& reason, TimePoint now) {
  if (!before_load_ || !options_.rules.gives_configs_back) {
    return;
  }
  loaded_ = *std::exchange(before_load_, std::nullopt);
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (!waiting.unload) {
      tell(EventKind::command_failed, 0, reason, now, waiting.id);
    }
    return !waiting.unload;
  });
}

bool Deployment::is_taken_up() const {
  return !in_force_ || (in_force_->json == loaded_.json && in_force_->settings == settings());
}

// Going back to what served before is going back to the configuration by which it served.
void Deployment::restore_config() {
  if (previous_config_ && previous_config_->json != loaded_.json) {
    LoadedConfig before = previous_config_->json.empty() ? LoadedConfig() : *previous_config_;
    before_load_ = std::exchange(loaded_, std::move(before));
  }
}

// By which of those that were loaded a worker runs that was there before this gateway; its id
// tells.
std::string Deployment::config_of(const WorkerFact& worker) const {
  std::set<std::string> known = memory_ ? memory_->other_configs : std::set<std::string>();
  for (const std::optional<LoadedConfig>& config :
       {std::optional(loaded_), before_load_, in_force_, previous_config_}) {
    known.insert(config ? config->json : std::string());
  }
  const std::string build = link::build_of(worker.id);
  const auto found = std::ranges::find_if(known, [&](const std::string& config) {
    return build_name(worker.node, model_, worker.version, worker.stamp, config) == build;
  });
  return found == known.end() ? "" : *found;
}

// Whether something that serves, or is still to do so again, is not as the configuration has it.
bool Deployment::serves_otherwise() const {
  const auto is_other = [&](const Unit& each) {
    const auto by_another = [&](const auto& entry) {
      const Place& place = entry.second;
      return !place.node.empty() && place.config != loaded_.json;
    };
    if (!loaded_.json.empty() || std::ranges::any_of(each.workers, by_another)) {
      return std::ranges::any_of(each.workers, by_another);
    }
    const Workers should = spec_of(each.version).workers;
    return should.empty() || differs(each.workers, should);
  };
  const bool may_go_back = rollout_ && rollout_->phase() != RolloutPhase::switching;
  return (may_go_back && std::ranges::any_of(change_.before, is_other)) ||
         std::ranges::any_of(units_, [&](const Unit& each) {
           return each.role == Role::serving && is_other(each);
         });
}

void Deployment::take_up_settings() {
  const bool known = facts_.found && (!facts_.versions.empty() || facts_.problem.empty());
  if (!known || (in_force_ && is_taken_up())) {
    return;
  }
  const bool concerns_workers =
      in_force_ && (in_force_->json != loaded_.json ||
                    in_force_->settings.worker_part != settings().worker_part);
  if (options_.rules.settings_wait_for_builds && concerns_workers && serves_otherwise()) {
    return;
  }
  in_force_ = LoadedConfig{loaded_.json, settings(), loaded_.notes};
  if (concerns_workers && rollout_ && rollout_->phase() != RolloutPhase::switching) {
    before_load_.reset();  // what the rollout may go back to is by the new one already
  }
}

std::vector<std::string> Deployment::notes_on_settings() const {
  std::vector<std::string> notes;
  if (!unreadable_.empty()) {
    notes.push_back("a configuration that was loaded cannot be used any more: " + unreadable_);
  }
  if (in_force_ && !in_force_->json.empty()) {
    notes.push_back(
        "its configuration was loaded in place of the one on disk, until the next load");
    notes.insert(notes.end(), in_force_->notes.begin(), in_force_->notes.end());
  }
  if (is_taken_up()) {
    return notes;
  }
  std::string why = rollout_ ? "the rollout is not over" : "";
  for (const Spec& spec : why.empty() ? specs() : std::vector<Spec>()) {
    if (const Failed* failed = failure_of(spec); failed != nullptr && why.empty()) {
      why = named(spec.version) + ": " + failed->reason;
    }
  }
  notes.push_back("a changed configuration is not in force" + (why.empty() ? "" : ": " + why));
  return notes;
}

}  // namespace sluice::gateway
