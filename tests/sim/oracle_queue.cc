// Oracle: how requests wait: bounds, levels and the ends of waits.

#include <algorithm>

#include "tests/sim/oracle.h"

namespace sluice::sim {

using namespace std::chrono_literals;

bool Oracle::waits_as_new(const Fate& fate) {
  return fate.state == State::alive && fate.attempt == 0;
}

void Oracle::waits(std::uint32_t question, std::size_t queued, std::size_t queued_bytes) {
  if (queued > plan_->queue_requests || queued_bytes > plan_->queue_bytes) {
    fail("the queue is beyond its bounds: " + std::to_string(queued) + " requests, " +
         std::to_string(queued_bytes) + " bytes");
  }
  const Question& asked = plan_->questions[question];
  const std::size_t level = level_of(*plan_, asked);
  if (level == 0 || plan_->levels[level - 1].most == 0) {
    return;
  }
  const auto same = std::ranges::count_if(known_[asked.shard], [&](const Known& known) {
    return alive(known.id) != nullptr && waits_as_new(fates_[known.question]) &&
           level_of(*plan_, plan_->questions[known.question]) == level;
  });
  if (static_cast<std::size_t>(same) > plan_->levels[level - 1].most) {
    fail("the queue of level " + std::to_string(level) +
         " is beyond its bound: " + std::to_string(same));
  }
}

// Of requests that could go to the same places: all that name no version, where there is only one,
// and those that name the same.
void Oracle::check_order(std::size_t shard,
                         const Question& asked,
                         const Fate& fate,
                         TimePoint now) {
  if (plan_->levels.empty() || (plan_->versions && !asked.version)) {
    return;
  }
  const std::size_t level = level_of(*plan_, asked);
  if (!plan_->levels[level - 1].delays && fate.give_up < now - kSlack) {
    return fail("sent after it had waited too long");
  }
  for (const Known& known : known_[shard]) {
    const Fate& other = fates_[known.question];
    const Question& theirs = plan_->questions[known.question];
    if (&other == &fate || other.id != known.id || !waits_as_new(other) ||
        theirs.version != asked.version) {
      continue;
    }
    const std::size_t their_level = level_of(*plan_, theirs);
    if (their_level < level) {
      fail("a request of level " + std::to_string(level) + " went before one of level " +
           std::to_string(their_level));
    }
    if (their_level == level && fate.give_up < now - kSlack && now < other.give_up) {
      fail("a delayed request went before one that was in time");
    }
  }
}

// Of a request that is answered by the gateway and not by a worker.
void Oracle::check_wait(const Question& question, Fate& fate, const Error& error, TimePoint now) {
  const std::size_t level = level_of(*plan_, question);
  const bool refuses = level != 0 && !plan_->levels[level - 1].delays;
  if (error.code == ErrorCode::unavailable) {
    fate.timed_out = true;
    if (!refuses || fate.attempt > 0 || now < fate.give_up) {
      fail("an accepted request was answered unavailable: " + error.detail);
    }
  }
  if (refuses && fate.attempt == 0 && fate.give_up < fate.deadline && fate.give_up < now - kSlack) {
    fail("waited too long, and was not told in time: " + error.detail);
  }
}

}  // namespace sluice::sim
