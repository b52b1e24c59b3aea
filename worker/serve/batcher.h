// Batcher: which waiting request goes to which executor and when. Pure.
//
// Requests wait in the order they came, bounded in count and bytes. An executor is given a *run*,
// several requests at once, so that small ones do not pay a hand-over each: as many as it executes
// in about kRunTime by the mean service time, at most kRunRequests, and no more than its share of
// what waits. It is refilled when half of that is done. A request whose deadline has passed is
// never handed out; a cancelled one is dropped if it waits and stopped if it runs. A request marked
// `alone` begins when every executor is idle, and nothing else until it has ended.
//
// Where requests may be joined (join_by), a run is made of batches, each of which the executor
// gives to the engine at once: formation.h says who is in them and how long one waits for company.
// An executor at work is given none that may still grow.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/serve/formation.h"
#include "worker/serve/job.h"

namespace sluice::worker {

inline constexpr std::size_t kRunRequests = 64;
inline constexpr Duration kRunTime = std::chrono::milliseconds(1);
// Work below this is not worth another executor's wake-up, which costs a good part of it.
inline constexpr Duration kWorthWaking = std::chrono::microseconds(50);
// A run below this is executed by the link thread itself, once so many engine runs in a row have
// shown that the model is never slow.
inline constexpr Duration kWorthHandingOver = std::chrono::microseconds(20);
inline constexpr std::size_t kQuickRuns = 256;

// One request in an executor. `slot` is its stop flag on the executor's board, `leader` the slot of
// the first of its batch: those of one batch follow each other in a run.
struct Assigned {
  std::size_t slot = 0;
  std::size_t leader = 0;
  Job job;
};

struct Run {
  std::size_t executor = 0;
  std::vector<Assigned> requests;
};

// How many of `requests`, which are not none, are in the batch of the first.
inline std::size_t batch_size(std::span<const Assigned> requests) {
  std::size_t size = 1;
  while (size < requests.size() && requests[size].leader == requests[0].leader) {
    ++size;
  }
  return size;
}

struct BatcherOptions {
  std::size_t executors = 1;
  std::size_t queue_requests = limits::kWorkerQueueRequests;
  std::size_t queue_bytes = limits::kQueueBytes;
};

class Batcher {
 public:
  explicit Batcher(const BatcherOptions& options);

  // The job's order. resource_exhausted: the queue is full; the gateway did not keep to the credit.
  Result<std::uint64_t> add(Job job);

  // Before the first request.
  void join_by(JoinRules rules) { rules_ = std::move(rules); }

  // Runs for the executors that can take one. Waiting requests that have expired are moved to
  // `expired` instead.
  std::vector<Run> hand_out(TimePoint now, std::vector<Job>& expired);

  // Whether `run`, just handed out, shall go to its executor. False: it takes less than the two
  // wake-ups of the way there and back, and nothing else is here that it could delay.
  [[nodiscard]] bool worth_handing_over(const Run& run) const;

  // When hand_out may have more to give although nothing happened: somebody's wait for company is
  // over. TimePoint::max(): never.
  [[nodiscard]] TimePoint next_due() const noexcept { return again_; }

  // An assigned request has ended. `service`: its part of an engine run; nothing when there was
  // none.
  void on_done(std::size_t executor, std::size_t slot, std::optional<Duration> service);

  // Removes a waiting request; nothing when it does not wait here.
  std::optional<Job> remove(const LinkRef& from, RequestId id, std::uint32_t attempt);
  // Where an assigned request is; nothing when it is not.
  struct Place {
    std::size_t executor = 0;
    std::size_t slot = 0;
  };
  [[nodiscard]] const Job& job_at(const Place& place) const {
    return executors_[place.executor].slots[place.slot].job;
  }
  // Nobody waits for its answer any more. The leader's slot once this holds of its whole batch:
  // then their run may be stopped.
  std::optional<std::size_t> abandon(const Place& place);
  [[nodiscard]] std::optional<Place> find(const LinkRef& from,
                                          RequestId id,
                                          std::uint32_t attempt) const;

  // The socket is closed: removes its waiting requests and names its assigned ones.
  struct Dropped {
    std::vector<std::uint64_t> waiting{};  // their Job::order
    std::vector<Place> assigned{};
  };
  Dropped drop_all(const LinkRef& from);

  // An executor makes no progress: these of its requests (slots_of) have been revoked. They wait
  // again, in their old order; on_done still follows for each slot.
  void take_back(std::size_t executor, const std::vector<std::size_t>& slots);
  // The slots of requests assigned and not revoked.
  [[nodiscard]] std::vector<std::size_t> slots_of(std::size_t executor) const;
  // Whether more than one request is assigned to it: take_back may become necessary.
  [[nodiscard]] bool has_run(std::size_t executor) const {
    return executors_[executor].assigned > 1 && !executors_[executor].stuck;
  }

  // Requests one of `shards` may have outstanding here: executors x max(2, what one executes in
  // kRunTime, two batches), split, at least 1.
  [[nodiscard]] std::uint32_t credit(std::size_t shards) const;

  // Seeds the mean before the first request, from the warm-up.
  void expect_service(Duration service) { mean_ = service; }
  [[nodiscard]] Duration service_mean() const noexcept { return mean_; }
  [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
  [[nodiscard]] std::size_t assigned() const noexcept;
  [[nodiscard]] bool idle() const noexcept { return queue_.empty() && assigned() == 0; }

 private:
  struct Slot {
    bool used = false;
    bool revoked = false;
    bool abandoned = false;
    std::size_t leader = 0;
    Job job;  // kept until its end, to take it back
  };
  struct Executor {
    std::size_t assigned = 0;  // used slots
    bool stuck = false;
    std::array<Slot, kRunRequests> slots;
  };

  [[nodiscard]] std::size_t run_target() const;
  void keep_worth_waking(std::vector<std::size_t>& takers) const;
  std::size_t take_slot(Executor& executor, const Job& job, std::optional<std::size_t> leader);
  Job take_at(std::size_t index);
  Job take_front() { return take_at(0); }
  bool take_batch(Run& run, TimePoint now);
  void drop_expired_front(TimePoint now, std::vector<Job>& expired);
  std::vector<Run> hand_out_alone();
  void fill(Run& run, std::size_t most, TimePoint now, std::vector<Job>& expired);

  BatcherOptions options_;
  JoinRules rules_;
  std::deque<Job> queue_;
  std::size_t bytes_ = 0;
  std::uint64_t last_order_ = 0;
  std::vector<Executor> executors_;
  TimePoint again_ = TimePoint::max();
  Duration mean_{};         // moving, of engine runs; zero: unknown
  std::size_t quick_ = 0;   // engine runs since the last that took kRunTime
  bool one_alone_ = false;  // a request marked so is assigned
};

}  // namespace sluice::worker
