// StartWatch: is a thread that runs a fresh model getting anywhere? Pure; one for each such thread.

#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace sluice::worker {

class StartWatch {
 public:
  explicit StartWatch(Duration limit) : limit_(limit) {}

  struct Seen {
    bool busy = false;       // inside a run
    std::uint64_t runs = 0;  // begun so far
    Duration waited{};       // by the thread, ready and without a CPU, in its life so far
  };

  // True once one run has had the limit for itself: what the thread waited for a CPU does not
  // count, because a loader is quiet and others may have the machine.
  bool stuck(const Seen& seen, TimePoint now);

 private:
  Duration limit_;
  bool watching_ = false;
  std::uint64_t runs_ = 0;
  Duration waited_{};
  TimePoint since_{};
};

// Of a thread of this process, from the kernel (schedstat); zero where it does not say.
Duration cpu_wait_of(int thread);

}  // namespace sluice::worker
