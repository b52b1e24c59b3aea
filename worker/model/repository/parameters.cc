#include "worker/model/repository/parameters.h"

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "common/base/duration_text.h"

namespace sluice::repository {

namespace {

constexpr std::string_view kOurs = "sluice.";
constexpr std::string_view kLabel = "sluice.label.";

template <class Number>
Result<Number> number_of(std::string_view key, std::string_view text) {
  Number number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return Error{
        ErrorCode::invalid_argument,
        "parameter " + std::string(key) + ": '" + std::string(text) + "' is not a whole number"};
  }
  return number;
}

Result<Duration> duration_of(std::string_view key, std::string_view text) {
  auto duration = parse_duration(text);
  if (!duration) {
    return with_context(std::move(duration).error(), "parameter " + std::string(key));
  }
  return duration;
}

Result<std::vector<int>> steps_of(std::string_view key, std::string_view text) {
  std::vector<int> steps;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, comma);
    while (one.starts_with(' ')) {
      one.remove_prefix(1);
    }
    SLUICE_TRY_ASSIGN(const int step, number_of<int>(key, one));
    steps.push_back(step);
    if (comma == text.size()) {
      return steps;
    }
    text.remove_prefix(comma + 1);
  }
}

Result<void> read_one(ModelConfig& config, const std::string& key, const std::string& value) {
  if (key.starts_with(kLabel)) {
    const std::string label = key.substr(kLabel.size());
    SLUICE_TRY(check_label_name(label));
    SLUICE_TRY_ASSIGN(config.labels[label], number_of<std::int64_t>(key, value));
    return {};
  }
  if (key == "sluice.replicas") {
    SLUICE_TRY_ASSIGN(config.replicas, number_of<int>(key, value));
    return {};
  }
  if (key == "sluice.strategy") {
    const auto strategy = strategy_from(value);
    if (!strategy) {
      return Error{
          ErrorCode::invalid_argument,
          "parameter " + key + ": '" + value + "' is none of rolling, blue-green, recreate"};
    }
    config.rollout.strategy = *strategy;
    return {};
  }
  if (key == "sluice.steps") {
    SLUICE_TRY_ASSIGN(config.rollout.steps, steps_of(key, value));
    return {};
  }
  if (key == "sluice.hold") {
    SLUICE_TRY_ASSIGN(config.rollout.hold, duration_of(key, value));
    return {};
  }
  if (key == "sluice.keep_old") {
    SLUICE_TRY_ASSIGN(config.rollout.keep_old, duration_of(key, value));
    return {};
  }
  return Error{ErrorCode::invalid_argument,
               "parameter " + key +
                   " is not known; there are sluice.replicas, sluice.label.NAME, sluice.strategy, "
                   "sluice.steps, sluice.hold and sluice.keep_old"};
}

}  // namespace

Result<void> read_parameters(ModelConfig& config, std::vector<std::string>& notes) {
  for (const auto& [key, value] : config.parameters) {
    if (key.starts_with(kOurs)) {
      SLUICE_TRY(read_one(config, key, value));
    } else {
      notes.push_back("parameter " + key + " has no effect: it is not one of this server's");
    }
  }
  return {};
}

}  // namespace sluice::repository
