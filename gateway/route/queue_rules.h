// QueueRules: how the requests of a model wait in a shard, as `dynamic_batching` of its
// configuration says: in which order, how many of a priority, and how long. Pure. Without rules
// requests wait in the order in which they came, within the shard's own bounds and until their
// deadlines.

#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/base/time.h"
#include "common/link/repository_messages.h"

namespace sluice::gateway {

struct QueueRules {
  std::uint32_t levels = 0;         // priorities 1 (first) to this; 0: there is one, 0
  std::uint32_t default_level = 0;  // of requests that name none, or one out of range
  link::QueuePolicy policy{};       // of levels without one of their own
  std::map<std::uint32_t, link::QueuePolicy> of_level{};

  // The level of a request that asks for `wish`; 0: for none.
  [[nodiscard]] std::uint32_t level_of(std::uint32_t wish) const noexcept;
  [[nodiscard]] const link::QueuePolicy& policy_of(std::uint32_t level) const;

  friend bool operator==(const QueueRules&, const QueueRules&) = default;
};

QueueRules queue_rules_of(const link::ModelSettings& settings);

// How long one request may wait.
struct Patience {
  TimePoint deadline;                    // of its answer
  TimePoint give_up = TimePoint::max();  // of its first wait in the queue

  friend bool operator==(const Patience&, const Patience&) = default;
};

// `wish`: what the request itself named as its time-out. It is a deadline, unless the policy has a
// time-out and lets requests ask for a shorter one: then it is that, as in Triton.
Patience patience_of(const link::QueuePolicy& policy,
                     TimePoint now,
                     TimePoint deadline,
                     std::optional<TimePoint> wish);

}  // namespace sluice::gateway
