// What the parts of the rollout simulation share: time, chance, the trace, the first violation, and
// what a build is really like, which the fleet can only find out.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "tests/sim/random.h"
#include "tests/sim/trace.h"

namespace sluice::sim::rollout {

inline constexpr std::size_t kShards = 2;
inline constexpr const char* kModel = "m";

class Timeline {
 public:
  [[nodiscard]] TimePoint now() const { return now_; }
  void at(TimePoint when, std::function<void()> what) {
    events_.push({std::max(when, now_), sequence_++, std::move(what)});
  }
  void in(Duration time, std::function<void()> what) { at(now_ + time, std::move(what)); }
  bool run_one(TimePoint end) {
    if (events_.empty() || events_.top().when > end) {
      return false;
    }
    const Event event = events_.top();
    events_.pop();
    now_ = event.when;
    event.what();
    return true;
  }

 private:
  struct Event {
    TimePoint when;
    std::uint64_t sequence = 0;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };
  TimePoint now_{std::chrono::hours(1)};
  std::uint64_t sequence_ = 0;
  std::priority_queue<Event> events_;
};

enum class Quality : std::uint8_t {
  good,
  slow,              // to load
  fails_to_load,     // says so, and is not started again
  dies_early,        // until its node gives up
  other_signature,   // loads and runs, but takes another input
  dies_of_requests,  // of each
};

// What a worker runs: the files of a version, and a configuration instead of theirs.
struct Build {
  std::string stamp;
  std::string config{};  // empty: the one on disk
  friend auto operator<=>(const Build&, const Build&) = default;
};

struct Coverage {
  std::map<std::string, std::uint64_t> counts;
  void add(const std::string& what, std::uint64_t count = 1) { counts[what] += count; }
};

struct World {
  explicit World(std::uint64_t seed, bool print) : random(seed), trace(print), prints(print) {}

  void note(const char* what, std::uint64_t who, std::uint64_t a = 0, std::uint64_t b = 0) {
    trace.add(time.now(), what, who, a, b);
  }
  // For who reads the trace of one seed.
  void say(const std::string& words) const {
    if (prints) {
      std::printf("%28s%s\n", "", words.c_str());
    }
  }
  void violate(const std::string& words) {
    if (violation.empty()) {
      violation = words;
    }
  }
  // A configuration can be as bad as files are.
  [[nodiscard]] Quality quality_of(const Build& build) const {
    const auto config = qualities.find(build.config);
    const bool spoils = config != qualities.end() && config->second != Quality::good;
    return spoils ? config->second : qualities.at(build.stamp);
  }
  Duration soon() { return random.between(std::chrono::microseconds(200), kSoon); }

  static constexpr auto kSoon = std::chrono::milliseconds(20);

  Timeline time;
  Random random;
  Trace trace;
  bool prints = false;
  Coverage coverage;
  std::string violation;
  std::map<std::string, Quality> qualities;  // by stamp, and by configuration
};

}  // namespace sluice::sim::rollout
