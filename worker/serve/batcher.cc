#include "worker/serve/batcher.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"

namespace sluice::worker {
namespace {

constexpr int kMeanWeight = 8;  // a new service time counts an eighth

std::size_t bytes_of(const Job& job) {
  std::size_t bytes = 0;
  for (const Buffer& frame : job.body) {
    bytes += frame.size();
  }
  return bytes;
}

}  // namespace

Batcher::Batcher(const BatcherOptions& options) : options_(options), executors_(options.executors) {
  SLUICE_CHECK(options.executors > 0);
}

Result<std::uint64_t> Batcher::add(Job job) {
  const std::size_t bytes = bytes_of(job);
  if (queue_.size() >= options_.queue_requests || bytes > options_.queue_bytes - bytes_) {
    return Error{ErrorCode::resource_exhausted,
                 "the worker's queue is full: " + std::to_string(queue_.size()) + " requests, " +
                     std::to_string(bytes_) + " bytes"};
  }
  bytes_ += bytes;
  job.order = ++last_order_;
  queue_.push_back(std::move(job));
  return last_order_;
}

// What one executor does in kRunTime; 1 while nothing is known.
std::size_t Batcher::run_target() const {
  if (mean_ <= Duration{}) {
    return 1;
  }
  const auto target = (kRunTime + mean_ - Duration(1)) / mean_;
  return std::clamp<std::size_t>(static_cast<std::size_t>(target), 1, kRunRequests);
}

Job Batcher::take_at(std::size_t index) {
  const auto at = queue_.begin() + static_cast<std::ptrdiff_t>(index);
  Job job = std::move(*at);
  queue_.erase(at);
  bytes_ -= bytes_of(job);
  return job;
}

// `leader`: of the batch it joins; none: it begins one.
std::size_t Batcher::take_slot(Executor& executor,
                               const Job& job,
                               std::optional<std::size_t> leader) {
  const auto free = std::ranges::find(executor.slots, false, &Slot::used);
  SLUICE_CHECK(free != executor.slots.end());
  const auto slot = static_cast<std::size_t>(free - executor.slots.begin());
  *free = {.used = true,
           .revoked = false,
           .abandoned = false,
           .leader = leader.value_or(slot),
           .job = job};
  ++executor.assigned;
  return slot;
}

void Batcher::drop_expired_front(TimePoint now, std::vector<Job>& expired) {
  while (!queue_.empty() && now >= queue_.front().deadline) {
    expired.push_back(take_front());
  }
}

// The first in the queue runs by itself: now, or once all executors have ended what they have.
std::vector<Run> Batcher::hand_out_alone() {
  std::vector<Run> runs;
  if (assigned() == 0) {
    Job job = take_front();
    const std::size_t slot = take_slot(executors_.front(), job, std::nullopt);
    one_alone_ = true;
    Run run{.executor = 0, .requests = {}};
    run.requests.push_back({slot, slot, std::move(job)});
    runs.push_back(std::move(run));
  }
  return runs;
}

// The next batch, whole; false when all of them wait for company.
bool Batcher::take_batch(Run& run, TimePoint now) {
  Executor& executor = executors_[run.executor];
  const std::size_t free = kRunRequests - executor.assigned;
  const Room room{.requests = free, .idle = executor.assigned == 0};
  Formed formed = free > 0 ? form(queue_, rules_, room, mean_, now) : Formed{};
  again_ = std::min(again_, formed.again);
  std::optional<std::size_t> leader;
  std::size_t taken = 0;
  for (const std::size_t index : formed.members) {
    Job job = take_at(index - taken++);
    const std::size_t slot = take_slot(executor, job, leader);
    leader = leader.value_or(slot);
    run.requests.push_back({slot, *leader, std::move(job)});
  }
  return !formed.members.empty();
}

// Up to `most` requests from the front, ending before one that must run alone. Batches stay whole,
// if there are more than `most` in the last.
void Batcher::fill(Run& run, std::size_t most, TimePoint now, std::vector<Job>& expired) {
  while (run.requests.size() < most) {
    drop_expired_front(now, expired);
    if (queue_.empty() || queue_.front().alone) {
      return;
    }
    if (rules_.joins()) {
      if (!take_batch(run, now)) {
        return;
      }
      continue;
    }
    Job job = take_front();
    const std::size_t slot = take_slot(executors_[run.executor], job, std::nullopt);
    run.requests.push_back({slot, slot, std::move(job)});
  }
}

// Leaves as many takers as what waits is worth waking. Little work goes to one that is at work
// anyway, when it will be done with what it has before another could have begun.
void Batcher::keep_worth_waking(std::vector<std::size_t>& takers) const {
  if (mean_ <= Duration{} || takers.size() < 2) {
    return;
  }
  const auto waiting = static_cast<Duration::rep>(queue_.size());
  const auto worth = static_cast<std::size_t>(1 + waiting * mean_ / kWorthWaking);
  if (worth >= takers.size()) {
    return;
  }
  if (worth == 1) {
    const auto busy = std::ranges::find_if(takers, [&](std::size_t i) {
      const auto assigned = static_cast<Duration::rep>(executors_[i].assigned);
      return assigned > 0 && assigned * mean_ < kWorthWaking;
    });
    if (busy != takers.end()) {
      std::swap(*busy, takers.front());
    }
  }
  takers.resize(worth);
}

std::vector<Run> Batcher::hand_out(TimePoint now, std::vector<Job>& expired) {
  std::vector<Run> runs;
  again_ = TimePoint::max();
  drop_expired_front(now, expired);
  if (queue_.empty() || one_alone_) {
    return runs;
  }
  if (queue_.front().alone) {
    return hand_out_alone();
  }
  const std::size_t target = run_target();
  std::vector<std::size_t> takers;  // idle ones first
  for (std::size_t i = 0; i < executors_.size(); ++i) {
    if (executors_[i].assigned <= target / 2 && !executors_[i].stuck) {
      takers.push_back(i);
    }
  }
  std::ranges::stable_sort(takers, {}, [&](std::size_t i) { return executors_[i].assigned; });
  keep_worth_waking(takers);
  for (std::size_t n = 0; n < takers.size() && !queue_.empty(); ++n) {
    Executor& executor = executors_[takers[n]];
    const std::size_t rest = takers.size() - n;
    const std::size_t share = (queue_.size() + rest - 1) / rest;
    const std::size_t most = std::min(share, target - std::min(target, executor.assigned));
    Run run{.executor = takers[n], .requests = {}};
    fill(run, most, now, expired);
    if (!run.requests.empty()) {
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

bool Batcher::worth_handing_over(const Run& run) const {
  const auto count = static_cast<Duration::rep>(run.requests.size());
  const bool small = std::ranges::all_of(run.requests, [](const Assigned& request) {
    return !request.job.alone && bytes_of(request.job) <= limits::kSmallTensorBytes;
  });
  const bool trusted = quick_ >= kQuickRuns && count * mean_ <= kWorthHandingOver;
  return !small || !trusted || !queue_.empty() || assigned() > run.requests.size();
}

void Batcher::on_done(std::size_t executor, std::size_t slot, std::optional<Duration> service) {
  SLUICE_CHECK(executor < executors_.size() && slot < kRunRequests);
  Executor& done = executors_[executor];
  SLUICE_CHECK(done.slots[slot].used);
  one_alone_ = one_alone_ && !done.slots[slot].job.alone;
  done.stuck = false;  // it moves: requests end in the order they were handed over
  done.slots[slot] = {};
  --done.assigned;
  if (service) {
    quick_ = *service < kRunTime ? quick_ + 1 : 0;
    mean_ = mean_ <= Duration{} ? *service : mean_ + (*service - mean_) / kMeanWeight;
  }
}

namespace {

auto is(const LinkRef& from, RequestId id, std::uint32_t attempt) {
  return [&from, id, attempt](const Job& job) {
    return job.id == id && job.attempt == attempt && job.from == from;
  };
}

}  // namespace

std::optional<Job> Batcher::remove(const LinkRef& from, RequestId id, std::uint32_t attempt) {
  const auto found = std::ranges::find_if(queue_, is(from, id, attempt));
  if (found == queue_.end()) {
    return std::nullopt;
  }
  Job job = std::move(*found);
  queue_.erase(found);
  bytes_ -= bytes_of(job);
  return job;
}

std::optional<Batcher::Place> Batcher::find(const LinkRef& from,
                                            RequestId id,
                                            std::uint32_t attempt) const {
  const auto matches = is(from, id, attempt);
  for (std::size_t i = 0; i < executors_.size(); ++i) {
    for (const std::size_t slot : slots_of(i)) {
      if (matches(executors_[i].slots[slot].job)) {
        return Place{i, slot};
      }
    }
  }
  return std::nullopt;
}

Batcher::Dropped Batcher::drop_all(const LinkRef& from) {
  Dropped dropped;
  std::deque<Job> kept;
  for (Job& job : queue_) {
    if (job.from == from) {
      bytes_ -= bytes_of(job);
      dropped.waiting.push_back(job.order);
    } else {
      kept.push_back(std::move(job));
    }
  }
  queue_ = std::move(kept);
  for (std::size_t i = 0; i < executors_.size(); ++i) {
    for (const std::size_t slot : slots_of(i)) {
      if (executors_[i].slots[slot].job.from == from) {
        dropped.assigned.push_back({i, slot});
      }
    }
  }
  return dropped;
}

void Batcher::take_back(std::size_t executor, const std::vector<std::size_t>& slots) {
  Executor& stuck = executors_[executor];
  stuck.stuck = true;
  std::vector<Job> jobs;
  for (const std::size_t slot : slots) {
    SLUICE_CHECK(stuck.slots[slot].used && !stuck.slots[slot].revoked);
    stuck.slots[slot].revoked = true;
    jobs.push_back(std::move(stuck.slots[slot].job));
  }
  for (Job& job : jobs) {
    bytes_ += bytes_of(job);
    queue_.insert(std::ranges::lower_bound(queue_, job.order, {}, &Job::order), std::move(job));
  }
}

std::vector<std::size_t> Batcher::slots_of(std::size_t executor) const {
  std::vector<std::size_t> slots;
  for (std::size_t k = 0; k < kRunRequests; ++k) {
    const Slot& slot = executors_[executor].slots[k];
    if (slot.used && !slot.revoked) {
      slots.push_back(k);
    }
  }
  return slots;
}

std::optional<std::size_t> Batcher::abandon(const Place& place) {
  Executor& executor = executors_[place.executor];
  Slot& slot = executor.slots[place.slot];
  slot.abandoned = true;
  const bool all = std::ranges::all_of(executor.slots, [&](const Slot& other) {
    return !other.used || other.leader != slot.leader || other.abandoned || other.revoked;
  });
  return all ? std::optional(slot.leader) : std::nullopt;
}

std::uint32_t Batcher::credit(std::size_t shards) const {
  const auto batch =
      rules_.joins() ? std::min(static_cast<std::size_t>(rules_.rows_most), kRunRequests / 2) : 1;
  const std::size_t total = executors_.size() * std::max(2 * batch, run_target());
  return static_cast<std::uint32_t>(
      std::max<std::size_t>(1, total / std::max<std::size_t>(1, shards)));
}

std::size_t Batcher::assigned() const noexcept {
  std::size_t count = 0;
  for (const Executor& executor : executors_) {
    count += executor.assigned;
  }
  return count;
}

}  // namespace sluice::worker
