#include "tests/sim/rollout/config_words.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::sim::rollout {

using gateway::LoadedConfig;
using link::ModelSettings;
using link::Strategy;
using link::VersionPolicy;

std::string draw_config(Random& random, std::uint64_t number, bool recreates) {
  std::string text = "c" + std::to_string(number);
  const auto add = [&](const std::string& word) { text += " " + word; };
  const auto version = [&] { return std::to_string(1 + random.below(random.chance(80) ? 2 : 4)); };
  if (recreates) {
    add("recreate");
  } else {
    add(random.chance(50) ? "rolling" : "blue-green");
    if (random.chance(30)) {
      add("steps");
    }
  }
  if (random.chance(25)) {
    add("only" + version());
  } else if (!recreates && random.chance(40)) {
    add(random.chance(50) ? "all" : "last2");
  }
  if (random.chance(40)) {
    add("two");
  }
  if (random.chance(50)) {
    add("stable" + version());
  }
  if (random.chance(8)) {
    add("gibberish");
  }
  return text;
}

namespace {

bool read_word(const std::string& word, ModelSettings& settings) {
  using namespace std::chrono_literals;
  const std::int64_t digit = word.back() - '0';
  const bool numbered = digit >= 0 && digit <= 9;
  if (word == "rolling") {
    settings.strategy = Strategy::rolling;
  } else if (word == "blue-green") {
    settings.strategy = Strategy::blue_green;
  } else if (word == "recreate") {
    settings.strategy = Strategy::recreate;
  } else if (word == "steps") {
    settings.steps = {20, 60};
    settings.hold = 500ms;
  } else if (word == "all") {
    settings.policy.kind = VersionPolicy::Kind::all;
  } else if (word == "last2") {
    settings.policy.count = 2;
  } else if (word.starts_with("only") && numbered) {
    settings.policy = {VersionPolicy::Kind::specific, 1, {digit}};
  } else if (word == "two") {
    settings.replicas = 2;
  } else if (word.starts_with("stable") && numbered) {
    settings.labels = {{"stable", digit}};
  } else {
    return word.front() == 'c' && numbered;
  }
  return true;
}

}  // namespace

Result<LoadedConfig> read_config_words(const std::string& text, const std::string& model) {
  LoadedConfig config{text, {}, {}};
  config.settings.json = text;
  config.settings.worker_part = text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (!read_word(word, config.settings)) {
      return Error{ErrorCode::invalid_argument, "config: " + model + " knows no '" + word + "'"};
    }
  }
  return config;
}

}  // namespace sluice::sim::rollout
