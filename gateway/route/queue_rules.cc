#include "gateway/route/queue_rules.h"

#include <algorithm>

namespace sluice::gateway {

std::uint32_t QueueRules::level_of(std::uint32_t wish) const noexcept {
  return wish >= 1 && wish <= levels ? wish : default_level;
}

const link::QueuePolicy& QueueRules::policy_of(std::uint32_t level) const {
  const auto found = of_level.find(level);
  return found == of_level.end() ? policy : found->second;
}

QueueRules queue_rules_of(const link::ModelSettings& settings) {
  return {.levels = settings.priority_levels,
          .default_level = settings.default_priority,
          .policy = settings.queue,
          .of_level = settings.priorities};
}

Patience patience_of(const link::QueuePolicy& policy,
                     TimePoint now,
                     TimePoint deadline,
                     std::optional<TimePoint> wish) {
  const TimePoint asked = wish.value_or(TimePoint::max());
  if (policy.default_timeout <= Duration::zero()) {
    return {.deadline = std::min(deadline, asked)};
  }
  const TimePoint give_up = now + policy.default_timeout;
  if (policy.allow_timeout_override) {
    return {.deadline = deadline, .give_up = std::min(give_up, asked)};
  }
  return {.deadline = std::min(deadline, asked), .give_up = give_up};
}

}  // namespace sluice::gateway
