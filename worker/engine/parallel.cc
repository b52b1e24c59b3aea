// The one file that knows of OpenMP.

#include "worker/engine/parallel.h"

#include <algorithm>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace sluice::engine {
namespace {
thread_local int tl_team_size = 1;
}  // namespace

int team_size() {
  return tl_team_size;
}

#if defined(_OPENMP)

void set_team_size(int threads) {
  if (threads != tl_team_size || omp_get_max_threads() != threads) {
    tl_team_size = std::max(threads, 1);
    omp_set_num_threads(tl_team_size);
  }
}

namespace detail {
void parallel_ranges(std::int64_t count,
                     std::int64_t grain,
                     RangeFunction function,
                     const void* context) {
  const std::int64_t most = std::max<std::int64_t>(1, count / std::max<std::int64_t>(grain, 1));
  const int threads = static_cast<int>(std::min<std::int64_t>(team_size(), most));
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t parts = omp_get_num_threads();
    const std::int64_t part = omp_get_thread_num();
    const std::int64_t begin = count / parts * part + std::min(part, count % parts);
    const std::int64_t size = count / parts + (part < count % parts ? 1 : 0);
    if (size > 0) {
      function(context, begin, begin + size);
    }
  }
}
}  // namespace detail

#else

void set_team_size(int threads) {
  tl_team_size = std::max(threads, 1);
}

namespace detail {
void parallel_ranges(std::int64_t count,
                     std::int64_t,
                     RangeFunction function,
                     const void* context) {
  function(context, 0, count);
}
}  // namespace detail

#endif

}  // namespace sluice::engine
