// Rollout: the phases of one change from what a model serves to what it shall serve. It knows
// neither workers nor snapshots: it is told how things stand and says the one thing to do next.
// Pure.
//
//   rolling, blue-green:  starting ──► [shifting ──►] switching ──► done
//   recreate:  stopping ──► starting ──► switching ──► done
//   any of them, on a failure or abort:  ──► restoring ──► rolled_back

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/link/repository_messages.h"
#include "gateway/control/deployment_status.h"

namespace sluice::gateway {

// Each rule of a deployment that a mistake could break. The program runs with all of them; a test
// turns one off and shows that the simulation notices (tests/sim/rollout).
struct RolloutRules {
  bool waits_until_ready = true;   // the new is ready before the old stops serving
  bool waits_until_met = true;     // ready means: met by every shard
  bool admits_only_routed = true;  // a worker gets work only once its version is routed to
  bool waits_for_shards = true;    // retires only what every shard has acknowledged to be out
  bool waits_for_quiet = true;     // and has nothing left of
  bool waits_until_gone = true;    // recreate starts, and an id returns, after the old has ended
  bool asks_guards = true;
  bool counts_deaths = true;       // of workers, while both serve
  bool rolls_back = true;          // when the new fails
  bool remembers_failures = true;  // a failed build is not tried again by itself
  bool one_at_a_time = true;       // one rollout of a model
  bool labels_move_with_switch = true;
  bool adopts = true;                    // what runs when the gateway starts goes on
  bool settings_wait_for_builds = true;  // a configuration is in force when what serves is by it
  bool gives_configs_back = true;        // that were loaded and with which nothing became ready
};

struct RolloutPlan {
  CommandId id = 0;       // of the rollout
  CommandId command = 0;  // that asked for it, with the same number; 0: by the policy
  std::vector<std::int64_t> from{};
  std::vector<std::int64_t> to{};
  link::Strategy strategy = link::Strategy::rolling;
  std::vector<int> steps{};  // percent, rising; without the last, 100
  Duration hold{};
  std::optional<Duration> keep_old{};  // absent: as the strategy has it
  bool allow_signature_change = false;
  // Where one that a gateway's end has cut off goes on.
  std::size_t first_step = 0;
  bool paused = false;

  friend bool operator==(const RolloutPlan&, const RolloutPlan&) = default;
};

// How things stand.
struct RolloutFacts {
  bool old_gone = false;      // recreate: no process of the old is left
  bool new_ready = false;     // all its workers ready and met by every shard
  std::string waiting_for{};  // what of that is missing
  std::string restarting{};   // of the new, a worker that was ready and is not now; empty: none
  std::string failure{};      // of the new, a worker's or a guard's; empty: none
  bool guards_pass = false;   // of the present stage; false: undecided
  bool applied = false;       // every shard has the latest change of routes
  bool restored = false;      // the old is what it was, or cannot be
};

enum class RolloutMove : std::uint8_t {
  none,
  start_new,    // assign the new one's workers
  shift,        // publish the shares of percent()
  switch_over,  // publish the new alone
  back_out,     // publish the old alone, end the new
  finish,       // done or rolled back: say so
};

class Rollout {
 public:
  // Begins `stopping` (recreate) or `starting`; the caller has done the first thing of it.
  Rollout(RolloutPlan plan, const RolloutRules& rules, TimePoint now);

  // Call again until it answers none.
  RolloutMove next(const RolloutFacts& facts, TimePoint now);
  // Back to the old for that reason, by the next move.
  void abort(std::string reason);
  // Whether it changed anything.
  bool pause();
  bool resume();

  [[nodiscard]] const RolloutPlan& plan() const { return plan_; }
  // To begin it again, as far as it has come.
  [[nodiscard]] RolloutPlan remaining() const;
  [[nodiscard]] RolloutPhase phase() const { return phase_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] bool ended() const;
  [[nodiscard]] int percent() const;  // of unversioned requests that the new one has
  [[nodiscard]] std::optional<TimePoint> step_since() const { return step_since_; }
  [[nodiscard]] TimePoint next_due() const;
  [[nodiscard]] RolloutStatus status() const;

 private:
  RolloutMove enter(RolloutPhase phase, RolloutMove move, TimePoint now);
  RolloutMove next_step(const RolloutFacts& facts, TimePoint now);

  RolloutPlan plan_;
  RolloutRules rules_;
  RolloutPhase phase_ = RolloutPhase::starting;
  bool paused_ = false;
  bool short_ = false;    // the hold is over, but a worker of the new is being started again
  std::size_t step_ = 0;  // of plan_.steps, while shifting
  std::optional<TimePoint> step_since_{};  // when every shard had the step's shares
  TimePoint began_{};
  TimePoint since_{};
  std::string waiting_for_{};
  std::string reason_{};
};

}  // namespace sluice::gateway
