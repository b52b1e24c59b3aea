#include "worker/threads/progress.h"

#include <chrono>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::engine {
namespace {

// To fall asleep and be woken costs 5 to 50 us: within a run the next region mostly comes sooner.
// Behind a run this is processor time for nothing (idle_threads_test holds it to 0.1 ms).
constexpr std::chrono::microseconds kLookFor{50};
constexpr int kTurnsPerClock = 16;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void Progress::raise(std::uint32_t by, int most) {
  // Either this sees a sleeper, or the sleeper the new value: both sides write, then read the
  // other's, in the one order of all sequentially consistent operations.
  value_.fetch_add(by, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    ::syscall(SYS_futex, &value_, FUTEX_WAKE_PRIVATE, most, nullptr, nullptr, 0);
  }
}

bool Progress::looks_changed(std::uint32_t seen) const {
  const auto end = std::chrono::steady_clock::now() + kLookFor;
  do {
    for (int turn = 0; turn < kTurnsPerClock; ++turn) {
      if (now() != seen) {
        return true;
      }
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

bool Progress::wait_while(std::uint32_t seen) {
  if (looks_changed(seen)) {
    return false;
  }
  sleep_while(seen);
  return true;
}

void Progress::sleep_while(std::uint32_t seen) {
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (value_.load(std::memory_order_seq_cst) == seen) {
    ::syscall(SYS_futex, &value_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sluice::engine
