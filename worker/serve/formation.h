// Which waiting requests share the next run. Pure.
//
// Requests of one shape (Job::shape) join in the order they came, up to a number of rows; one that
// does not fit closes the batch, so that nobody of its shape is overtaken. Without preferred sizes
// whoever is there goes when an executor is free, after `delay` at the latest when company is
// waited for; with them, the largest preferred number of rows that is there goes at once. A request
// that cannot be joined goes by itself.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/base/time.h"
#include "worker/serve/job.h"

namespace sluice::worker {

struct JoinRules {
  std::int64_t rows_most = 0;             // of one run; below 2: nothing is joined
  std::vector<std::int64_t> preferred{};  // numbers of rows, ascending
  Duration delay{};                       // how long the first of a batch waits for company

  [[nodiscard]] bool joins() const noexcept { return rows_most > 1; }
};

struct Formed {
  std::vector<std::size_t> members{};  // indices in the queue, ascending; empty: all wait
  TimePoint again = TimePoint::max();  // when waiting for company ends for the first of them
};

struct Room {
  std::size_t requests = 1;  // that can be taken, at least 1
  bool idle = true;          // false: at work, so that a batch which may still grow had better wait
};

// `service`: what a run is likely to take, so that company is not waited for into a deadline.
// Nothing behind a request that must run alone is looked at.
Formed form(const std::deque<Job>& queue,
            const JoinRules& rules,
            const Room& room,
            Duration service,
            TimePoint now);

}  // namespace sluice::worker
