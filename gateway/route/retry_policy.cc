#include "gateway/route/retry_policy.h"

#include <algorithm>

#include "common/base/check.h"

namespace sluice::gateway {

AfterDeath after_death(const DeathFacts& facts) noexcept {
  if (!facts.running) {
    return AfterDeath::requeue;
  }
  // Guilt needs both: sent to run by itself, and nothing of another shard beside it. A SIGKILL may
  // be an operator's or for memory that others use as well: it proves nothing until the last
  // re-run.
  const int proof = facts.killed ? limits::kRetriesAfterDeath + 1 : 2;
  if (facts.sent_alone && facts.running_count == 1 && facts.deaths_running >= proof) {
    return AfterDeath::quarantine;
  }
  if (facts.deaths_running > limits::kRetriesAfterDeath) {
    return AfterDeath::give_up;
  }
  return AfterDeath::requeue_alone;
}

std::size_t SuspicionBudget::limit(std::size_t alive) noexcept {
  const auto share =
      static_cast<std::size_t>(static_cast<double>(alive) * limits::kSuspicionRetryShare);
  return std::max(share, static_cast<std::size_t>(limits::kSuspicionRetryFloor));
}

bool SuspicionBudget::take(std::size_t alive) noexcept {
  if (in_use_ >= limit(alive)) {
    return false;
  }
  ++in_use_;
  return true;
}

void SuspicionBudget::give_back() noexcept {
  SLUICE_CHECK(in_use_ > 0);
  --in_use_;
}

}  // namespace sluice::gateway
