#include "cluster/cli/rollout_view.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "cluster/cli/text_table.h"

namespace sluice::cluster {

using Json = nlohmann::json;

namespace {

std::vector<std::string> texts_of(const Json& object, const char* key) {
  std::vector<std::string> texts;
  for (const Json& each : list_of(object, key)) {
    texts.push_back(cell(Json{{"it", each}}, "it"));
  }
  return texts;
}

// Free text of the server, in one line.
std::string line_of(const Json& object, const char* key) {
  const std::string text = cell(object, key);
  return text == "-" ? "" : text;
}

std::string joined(const std::vector<std::string>& versions) {
  std::string text;
  for (const std::string& version : versions) {
    text += (text.empty() ? "" : ",") + version;
  }
  return text.empty() ? "nothing" : text;
}

std::string seconds(double milliseconds) {
  char text[32];
  static_cast<void>(std::snprintf(text, sizeof text, "%.1f s", milliseconds / 1e3));
  return text;
}

std::string with_reason(const std::string& words, const std::string& reason) {
  return reason.empty() ? words : words + ": " + reason;
}

std::string shards_words(const RolloutState& state) {
  return std::to_string(state.shards_acknowledged) + " of " + std::to_string(state.shards) +
         " shards have it";
}

std::string phase_words(const RolloutState& state) {
  if (state.phase == "done") {
    return "done in " + seconds(state.age_ms - state.since_ms);
  }
  if (state.phase == "rolled_back") {
    return with_reason("rolled back", state.reason);
  }
  if (state.phase == "restoring") {
    return with_reason("going back", state.reason);
  }
  if (state.phase == "switching") {
    return "switching, " + shards_words(state);
  }
  if (state.phase == "shifting") {
    return "step " + std::to_string(state.step) + " of " + std::to_string(state.steps) + ", " +
           std::to_string(state.percent) + " % of the requests";
  }
  return state.phase;
}

// How far it has come, of 100: the new version's share is what a reader cares for.
int progress(const RolloutState& state) {
  if (state.phase == "done") {
    return 100;
  }
  const bool moves = state.phase == "shifting" || state.phase == "switching";
  return moves ? static_cast<int>(std::clamp<std::int64_t>(state.percent, 0, 99)) : 0;
}

}  // namespace

Result<RolloutState> parse_rollout(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const Error strange{ErrorCode::data_corrupt, "the server's answer is not a rollout"};
  if (!json.is_object()) {
    return strange;
  }
  try {
    RolloutState state;
    state.model = json.value("model", state.model);
    state.id = json.value("id", state.id);
    state.from = texts_of(json, "from");
    state.to = texts_of(json, "to");
    state.strategy = json.value("strategy", state.strategy);
    state.phase = json.value("phase", state.phase);
    state.step = json.value("step", state.step);
    state.steps = json.value("steps", state.steps);
    state.percent = json.value("percent", state.percent);
    state.paused = json.value("paused", state.paused);
    state.waiting_for = line_of(json, "waiting_for");
    state.reason = line_of(json, "reason");
    const Json shards = json.value("shards", Json::object());
    state.shards_acknowledged = shards.value("acknowledged", state.shards_acknowledged);
    state.shards = shards.value("all", state.shards);
    state.since_ms = json.value("since_ms", state.since_ms);
    state.age_ms = json.value("age_ms", state.age_ms);
    return state;
  } catch (const Json::exception&) {  // a member of another type
    return strange;
  }
}

std::string rollout_words(const RolloutState& state) {
  std::string words = joined(state.from) + " -> " + joined(state.to);
  if (!state.strategy.empty()) {
    words += ", " + state.strategy;
  }
  words += ": " + phase_words(state);
  if (state.paused && !state.ended()) {
    words += ", paused";
  }
  if (!state.waiting_for.empty() && !state.ended()) {
    words += ", waiting for " + state.waiting_for;
  }
  return words;
}

std::string rollout_bar(const RolloutState& state, int width) {
  const int full = progress(state) * width / 100;
  std::string bar = state.model + " [";
  bar.append(static_cast<std::size_t>(full), '#');
  bar.append(static_cast<std::size_t>(width - full), '.');
  return bar + "] " + rollout_words(state);
}

Result<std::string> change_words(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Error{ErrorCode::data_corrupt, "the server's event is not an object"};
  }
  std::string words = line_of(json, "model");
  const std::string version = line_of(json, "version");
  words += version.empty() ? "" : " " + version;
  return with_reason(words + ": " + line_of(json, "event"), line_of(json, "detail"));
}

std::string RolloutLines::on(const RolloutState& state) {
  std::string line = state.model + ": " + rollout_words(state) + "\n";
  if (line == last_) {
    return {};
  }
  last_ = line;
  return line;
}

}  // namespace sluice::cluster
