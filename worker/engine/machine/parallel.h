// parallel_for: the engine's only way to use more than one thread (worker/threads/team.h says which
// ones; oneDNN uses the same, see openmp.h).

#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace sluice::engine {

// Threads that parallel_for and oneDNN use when called from this thread. Cheap; set by each run.
void set_team_size(int threads);
[[nodiscard]] int team_size();

namespace detail {
using RangeFunction = void (*)(const void* context, std::int64_t begin, std::int64_t end);
void parallel_ranges(std::int64_t count,
                     std::int64_t grain,
                     RangeFunction function,
                     const void* context);
}  // namespace detail

// Calls body(begin, end) over disjoint ranges that cover [0, count). `grain`: the least number of
// items worth a thread's while (about 20 us of work). Bodies must not throw; which thread gets
// which range, and how many ranges there are, may change, so a result must not depend on it.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  if (count <= grain || team_size() == 1) {
    if (count > 0) {
      body(std::int64_t{0}, count);
    }
    return;
  }
  detail::parallel_ranges(
      count,
      grain,
      [](const void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<const Body*>(context))(begin, end);
      },
      std::addressof(body));
}

}  // namespace sluice::engine
