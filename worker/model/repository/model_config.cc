#include "worker/model/repository/model_config.h"

#include <algorithm>

#include "common/base/limits.h"

namespace sluice::repository {

namespace {

static_assert(limits::kModelNameBytes == 64, "kNameRule says so");

bool is_url_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

constexpr std::string_view kStrategies[] = {"rolling", "blue-green", "recreate"};

}  // namespace

std::string_view name_of(RolloutStrategy strategy) noexcept {
  return kStrategies[static_cast<std::size_t>(strategy)];
}

std::optional<RolloutStrategy> strategy_from(std::string_view name) noexcept {
  const auto found = std::ranges::find(kStrategies, name);
  if (found == std::end(kStrategies)) {
    return std::nullopt;
  }
  return static_cast<RolloutStrategy>(found - std::begin(kStrategies));
}

Result<void> check_model_name(std::string_view name) {
  if (!name.empty() && name.front() != '.' && name.size() <= limits::kModelNameBytes &&
      std::ranges::all_of(name, is_url_safe)) {
    return {};
  }
  return Error{ErrorCode::invalid_argument,
               "'" + std::string(name) + "' cannot be a model's name: " + std::string(kNameRule)};
}

}  // namespace sluice::repository
