#include "cluster/prove/cluster_answers.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <nlohmann/json.hpp>

namespace sluice::cluster {

namespace {

using Json = nlohmann::json;

Error corrupt(const std::string& what) {
  return Error{ErrorCode::data_corrupt, "the server's answer: " + what};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

// Versions are numbers, or strings of digits as KServe v2 has them.
std::optional<std::int64_t> version_in(const Json& value) {
  if (value.is_number_integer()) {
    return value.get<std::int64_t>();
  }
  if (!value.is_string()) {
    return std::nullopt;
  }
  const std::string text = value.get<std::string>();
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(version)
                                                                  : std::nullopt;
}

std::vector<std::int64_t> versions_in(const Json& list) {
  std::vector<std::int64_t> versions;
  if (!list.is_array()) {
    return versions;
  }
  for (const Json& value : list) {
    if (const auto version = version_in(value)) {
      versions.push_back(*version);
    }
  }
  return versions;
}

void take_version(const Json& entry, ModelState& state) {
  const auto number = entry.find("version");
  const auto version = number != entry.end() ? version_in(*number) : std::nullopt;
  if (!version) {
    return;
  }
  const std::string stage = text_of(entry, "state");
  state.versions.push_back(*version);
  if (stage == "ready") {
    state.serving.push_back(*version);
  }
  if (stage == "draining") {
    state.draining.push_back(*version);
  }
  const auto weight = entry.find("weight");
  if (stage == "ready" && weight != entry.end() && weight->is_number() && *weight > 0) {
    state.served = *version;
  }
  if (const std::string reason = text_of(entry, "reason"); stage == "failed" && !reason.empty()) {
    state.trouble = "version " + std::to_string(*version) + " has failed: " + reason;
  }
}

}  // namespace

Result<ModelState> read_model(std::string_view text, const std::string& model) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) {
    return corrupt("/sluice/models is not a JSON object");
  }
  for (const Json& entry : list_of(json, "models")) {
    if (!entry.is_object() || text_of(entry, "name") != model) {
      continue;
    }
    ModelState state;
    state.trouble = text_of(entry, "problem");
    for (const Json& version : list_of(entry, "versions")) {
      if (version.is_object()) {
        take_version(version, state);
      }
    }
    std::ranges::sort(state.versions);
    if (const auto pin = entry.find("pin"); pin != entry.end() && pin->is_array()) {
      state.pin = versions_in(*pin);
    }
    if (const auto rollout = entry.find("rollout");
        rollout != entry.end() && rollout->is_object()) {
      SLUICE_TRY_ASSIGN(state.rollout, read_rollout(rollout->dump()));
      state.rolling = state.rollout.under_way();
    }
    return state;
  }
  return Error{ErrorCode::not_found, "the cluster has no model '" + model + "'"};
}

Result<std::int64_t> other_version(const ModelState& state, const std::string& model) {
  if (state.versions.size() < 2) {
    const std::string there =
        state.versions.empty() ? "has no version"
                               : "has version " + std::to_string(state.versions.front()) + " alone";
    return Error{ErrorCode::invalid_argument,
                 model + " " + there + ", and a swap needs two; --swaps 0 is load alone"};
  }
  if (state.rolling) {
    return Error{ErrorCode::unavailable, "a rollout of " + model + " is under way already"};
  }
  if (!state.served) {
    return Error{ErrorCode::unavailable,
                 model + " is not ready" + (state.trouble.empty() ? "" : ": " + state.trouble)};
  }
  const auto other = std::ranges::find_if(state.versions.rbegin(),
                                          state.versions.rend(),
                                          [&](std::int64_t v) { return v != *state.served; });
  return *other;
}

Result<RolloutLook> read_rollout(std::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) {
    return corrupt("the rollout is not a JSON object");
  }
  RolloutLook state;
  state.phase = text_of(json, "phase");
  state.reason = text_of(json, "reason");
  state.by = text_of(json, "by");
  if (const auto id = json.find("id"); id != json.end() && id->is_number_unsigned()) {
    state.id = id->get<std::uint64_t>();
  }
  state.from = versions_in(list_of(json, "from"));
  state.to = versions_in(list_of(json, "to"));
  if (state.phase == "stopping" || state.phase == "starting") {
    state.stage = RolloutLook::Stage::before;
  } else if (state.phase == "shifting" || state.phase == "switching" ||
             state.phase == "restoring") {
    state.stage = RolloutLook::Stage::between;
  } else if (state.phase == "done") {
    state.stage = RolloutLook::Stage::done;
  } else if (state.phase == "rolled_back") {
    state.stage = RolloutLook::Stage::back;
  } else if (state.phase != "none") {
    return corrupt("a rollout of phase '" + state.phase + "'");
  }
  return state;
}

Result<std::vector<pid_t>> read_worker_pids(std::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) {
    return corrupt("/sluice/status is not a JSON object");
  }
  std::vector<pid_t> pids;
  for (const Json& worker : list_of(json, "workers")) {
    const auto pid = worker.is_object() ? worker.find("pid") : worker.end();
    if (pid != worker.end() && pid->is_number_integer() && *pid > 0) {
      pids.push_back(pid->get<pid_t>());
    }
  }
  return pids;
}

}  // namespace sluice::cluster
