// Workers' stderr, passed on line by line with the worker's id in front, never faster than a
// budget: a worker that floods costs itself its lines, and the node neither memory nor time.

#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/limits.h"
#include "common/base/time.h"

namespace sluice::cluster {

// A token bucket of lines. Pure.
class LineBudget {
 public:
  // True: the line may pass; false: it is dropped and counted.
  bool take(TimePoint now) noexcept {
    if (last_) {
      const double seconds = std::chrono::duration<double>(now - *last_).count();
      tokens_ =
          std::min(limits::kWorkerLinesBurst, tokens_ + seconds * limits::kWorkerLinesPerSecond);
    }
    last_ = now;
    if (tokens_ < 1) {
      ++dropped_;
      return false;
    }
    tokens_ -= 1;
    return true;
  }
  // Lines dropped since the last call.
  std::uint64_t take_dropped() noexcept {
    const std::uint64_t count = dropped_;
    dropped_ = 0;
    return count;
  }

 private:
  double tokens_ = limits::kWorkerLinesBurst;
  std::optional<TimePoint> last_;
  std::uint64_t dropped_ = 0;
};

class OutputRelay {
 public:
  // `fd` stays the caller's.
  OutputRelay(std::string prefix, int fd) : prefix_(std::move(prefix)), fd_(fd) {}
  void pass(std::string_view line, TimePoint now);

 private:
  // False when `fd` would block: the line is lost.
  bool write(std::string_view line);

  std::string prefix_;
  int fd_;
  LineBudget budget_;
};

}  // namespace sluice::cluster
