#include "worker/threads/team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <sched.h>
#include <time.h>

#include "common/base/check.h"
#include "worker/threads/progress.h"
#include "worker/threads/rest_rule.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::uint32_t kFirstShift = 16;
constexpr std::uint32_t kBehindMask = (1U << kFirstShift) - 1;

using Clock = RestRule::Clock;

// Of a rest. Each time a helper wakes, the system may take the opportunity and send its caller
// away, so the naps grow; and the last is how long others may wait for a part that only it can
// take.
constexpr std::chrono::milliseconds kFirstNap{1};
constexpr std::chrono::milliseconds kLongestNap{16};

thread_local bool tl_in_region = false;
thread_local std::uint64_t tl_regions = 0;

// What a thread that does not sleep has not had of a core.
class TimeAway {
 public:
  TimeAway() { restart(); }
  void restart() {
    start_ = Clock::now();
    had_ = had();
  }
  [[nodiscard]] Clock::duration until(Clock::time_point now) const {
    return now - start_ - (had() - had_);
  }

 private:
  static Clock::duration had() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  Clock::time_point start_;
  Clock::duration had_{};
};

class Team {
 public:
  Team() = default;
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();

  void run(int parts, int helpers, PartFunction function, void* context);

 private:
  // The caller takes parts from the front and helpers from the back, so that each meets in one
  // region what it has touched in the one before.
  enum class End { front, back };

  void help();
  void rest(const RestRule& rule) const;
  std::uint32_t run_parts(End end);
  bool take(End end, std::uint32_t& part);

  // The parts that nobody has taken: the first one in the upper half, the one behind the last in
  // the lower. A thread that reads it, sleeps and then takes a part of a later region has taken
  // that one rightly: what belongs to the region is read afterwards, and stays until the part is
  // done.
  alignas(kCacheLine) std::atomic<std::uint32_t> left_ = 0;
  PartFunction function_ = nullptr;
  void* context_ = nullptr;
  // Of one of the caller's parts, once it has no more to take.
  std::atomic<Clock::duration> pace_ = Clock::duration::zero();
  std::atomic<int> cpu_ = -1;  // that the caller was on when it opened the region

  alignas(kCacheLine) Progress opened_;  // regions
  alignas(kCacheLine) Progress helped_;  // parts that helpers have done, of all regions

  alignas(kCacheLine) std::uint32_t helped_before_ = 0;
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> helpers_;
};

Team::~Team() {
  ending_.store(true, std::memory_order_relaxed);
  opened_.raise(1, static_cast<int>(helpers_.size()));
  for (std::thread& helper : helpers_) {
    helper.join();
  }
}

bool Team::take(End end, std::uint32_t& part) {
  std::uint32_t left = left_.load(std::memory_order_relaxed);
  std::uint32_t fewer = 0;
  do {
    const std::uint32_t first = left >> kFirstShift;
    const std::uint32_t behind = left & kBehindMask;
    if (first == behind) {
      return false;
    }
    part = end == End::front ? first : behind - 1;
    fewer = end == End::front ? left + (1U << kFirstShift) : left - 1;
  } while (!left_.compare_exchange_weak(
      left, fewer, std::memory_order_acq_rel, std::memory_order_relaxed));
  return true;
}

// How many this thread has run. Never of two regions: the second is opened when the parts of the
// first have been counted, which the caller of this does.
std::uint32_t Team::run_parts(End end) {
  std::uint32_t count = 0;
  for (std::uint32_t part = 0; take(end, part); ++count) {
    function_(context_, static_cast<int>(part));
  }
  return count;
}

// Until the time is over, or nothing new has been opened for the length of a nap: either there is
// no work, or somebody may wait in it for the part that nobody has taken.
void Team::rest(const RestRule& rule) const {
  Clock::duration nap = kFirstNap;
  std::uint32_t seen = 0;
  do {
    seen = opened_.now();
    std::this_thread::sleep_for(std::min(nap, rule.until() - Clock::now()));
    nap = std::min<Clock::duration>(2 * nap, kLongestNap);
  } while (opened_.now() != seen && rule.resting(Clock::now()));
}

void Team::help() {
  tl_in_region = true;  // a helper has no other life
  RestRule rule;
  TimeAway away;
  while (true) {
    Clock::time_point start = Clock::now();
    const bool no_core = ::sched_getcpu() == cpu_.load(std::memory_order_relaxed);
    if (no_core && !rule.resting(start)) {
      rule.on_no_core(start);
    }
    const bool resting = rule.resting(start);
    if (resting) {
      rest(rule);
      away.restart();
      start = Clock::now();
    }
    // Read before the parts: what is opened afterwards is waited for in vain.
    const std::uint32_t seen = opened_.now();
    if (ending_.load(std::memory_order_relaxed)) {
      return;
    }
    if (const std::uint32_t count = run_parts(End::back); count > 0) {
      const Clock::time_point end = Clock::now();
      const Clock::duration pace = pace_.load(std::memory_order_relaxed);
      if (rule.resting(start)) {
        rule.on_needed(end);
      } else if (RestRule::late(static_cast<int>(count), end - start, pace)) {
        if (away.until(end) > (end - start) / 2) {
          rule.on_no_core(end);
        }
        away.restart();
      }
      helped_.raise(count, 1);
    } else if (resting || no_core) {
      opened_.sleep_while(seen);
      away.restart();
    } else if (opened_.wait_while(seen)) {
      away.restart();
    }
  }
}

void Team::run(int parts, int helpers, PartFunction function, void* context) {
  helpers_.reserve(static_cast<std::size_t>(helpers));
  while (helpers_.size() < static_cast<std::size_t>(helpers)) {
    helpers_.emplace_back([this] { help(); });
  }
  function_ = function;
  context_ = context;
  pace_.store(Clock::duration::zero(), std::memory_order_relaxed);
  // Part 0 is the caller's: it must not find that all are taken and sleep while others wait for it.
  cpu_.store(::sched_getcpu(), std::memory_order_relaxed);
  left_.store(1U << kFirstShift | static_cast<std::uint32_t>(parts), std::memory_order_release);
  const Clock::time_point start = Clock::now();
  opened_.raise(1, helpers);
  tl_in_region = true;
  function(context, 0);
  const std::uint32_t own = 1 + run_parts(End::front);
  tl_in_region = false;
  const std::uint32_t all_helped = helped_before_ + static_cast<std::uint32_t>(parts) - own;
  helped_before_ = all_helped;
  std::uint32_t seen = helped_.now();
  if (seen == all_helped) {
    return;
  }
  pace_.store((Clock::now() - start) / own, std::memory_order_relaxed);
  for (; seen != all_helped; seen = helped_.now()) {
    helped_.wait_while(seen);
  }
}

// Ends with the thread.
thread_local std::unique_ptr<Team> tl_team;

}  // namespace

void run_region(int parts, int helpers, PartFunction function, void* context) {
  SLUICE_CHECK(parts <= kMostParts);
  if (tl_in_region || parts < 2 || helpers < 1) {
    for (int part = 0; part < parts; ++part) {
      function(context, part);
    }
    return;
  }
  if (tl_team == nullptr) {
    tl_team = std::make_unique<Team>();
  }
  ++tl_regions;
  tl_team->run(parts, helpers, function, context);
}

bool in_region() {
  return tl_in_region;
}

std::uint64_t region_count() {
  return tl_regions;
}

}  // namespace sluice::engine
