#include "worker/serve/start_watch.h"

#include <fstream>
#include <string>

namespace sluice::worker {

bool StartWatch::stuck(const Seen& seen, TimePoint now) {
  if (!seen.busy || !watching_ || seen.runs != runs_) {
    watching_ = seen.busy;
    runs_ = seen.runs;
    waited_ = seen.waited;
    since_ = now;
    return false;
  }
  return (now - since_) - (seen.waited - waited_) >= limit_;
}

Duration cpu_wait_of(int thread) {
  // "time on a CPU, time waiting for one, slices", the times in ns (proc(5), schedstat).
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/schedstat");
  std::int64_t ran = 0;
  std::int64_t waited = 0;
  return file >> ran >> waited ? Duration(waited) : Duration{};
}

}  // namespace sluice::worker
