#include "worker/serve/step_aside.h"

#include <chrono>

#include <time.h>

#include "common/actor/thread.h"
#include "common/base/time.h"
#include "common/process/quiet.h"

namespace sluice::worker {
namespace {

// So long may a millisecond of work take on a machine that idles one part in a hundred.
constexpr Duration kTryFor = std::chrono::milliseconds(1);
constexpr Duration kStarved = 100 * kTryFor;

// Of this thread.
Duration cpu_time() {
  timespec spent{};
  static_cast<void>(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent));
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

bool is_idle_at_times() {
  Duration waited{};
  actor::Thread("idler", [&] {
    const auto start = std::chrono::steady_clock::now();
    be_quiet(Quiet::idle);
    while (cpu_time() < kTryFor) {
    }
    waited = std::chrono::steady_clock::now() - start - kTryFor;
  });
  return waited < kStarved;
}

}  // namespace

void step_aside() {
  be_quiet(is_idle_at_times() ? Quiet::idle : Quiet::low);
}

}  // namespace sluice::worker
