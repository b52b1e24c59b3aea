// What becomes of a request whose worker is gone, and how many retries on mere suspicion may be
// under way. Why these rules: docs/adr/0002-retry-and-quarantine.md.

#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/limits.h"

namespace sluice::gateway {

// How a request was found at a proven death of its worker.
struct DeathFacts {
  bool running = false;           // its id was among those the executors were running
  bool sent_alone = false;        // it had been sent as a suspect, to run by itself
  std::size_t running_count = 0;  // ids running at that death, of all shards
  int deaths_running = 0;         // deaths it was running at, this one included
  bool killed = false;            // by SIGKILL, not by a crash
};

enum class AfterDeath : std::uint8_t {
  requeue,        // it was waiting: as often as its deadline allows
  requeue_alone,  // a suspect: again, by itself
  quarantine,     // its second death (third, when killed) and nothing else was running
  give_up,        // re-run kRetriesAfterDeath times; never proven guilty
};

AfterDeath after_death(const DeathFacts& facts) noexcept;

// Retries on suspicion under way at once: a share of the requests alive, but always some, so that
// an idle gateway can retry as well. Counts attempts from their start to their end.
class SuspicionBudget {
 public:
  // Takes one when `alive` accepted and unanswered requests leave room for it.
  [[nodiscard]] bool take(std::size_t alive) noexcept;
  void give_back() noexcept;
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] static std::size_t limit(std::size_t alive) noexcept;

 private:
  std::size_t in_use_ = 0;
};

}  // namespace sluice::gateway
