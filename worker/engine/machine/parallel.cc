#include "worker/engine/machine/parallel.h"

#include <algorithm>

#include "worker/threads/team.h"

namespace sluice::engine {
namespace {

// Ranges for each thread: a thread that comes late, or is sent away, leaves its others to the rest.
constexpr int kRangesPerThread = 4;

thread_local int tl_team_size = 1;

struct Ranges {
  std::int64_t count;
  std::int64_t parts;
  detail::RangeFunction function;
  const void* context;

  void run(std::int64_t part) const {
    const std::int64_t least = count / parts;
    const std::int64_t longer = count % parts;  // ranges with one more
    const std::int64_t begin = least * part + std::min(part, longer);
    function(context, begin, begin + least + (part < longer ? 1 : 0));
  }
};

}  // namespace

int team_size() {
  return tl_team_size;
}

void set_team_size(int threads) {
  tl_team_size = std::clamp(threads, 1, kMostParts / kRangesPerThread);
}

namespace detail {
void parallel_ranges(std::int64_t count,
                     std::int64_t grain,
                     RangeFunction function,
                     const void* context) {
  const std::int64_t threads = in_region() ? 1 : team_size();
  std::int64_t parts = count / std::max<std::int64_t>(grain, 1);
  if (parts >= threads) {  // as many for each
    parts = std::min<std::int64_t>(parts / threads, kRangesPerThread) * threads;
  }
  if (threads == 1 || parts < 2) {
    function(context, 0, count);
    return;
  }
  Ranges ranges{.count = count, .parts = parts, .function = function, .context = context};
  run_region(
      static_cast<int>(parts),
      static_cast<int>(std::min(parts, threads)) - 1,
      [](void* of, int part) { static_cast<const Ranges*>(of)->run(part); },
      &ranges);
}
}  // namespace detail

}  // namespace sluice::engine
