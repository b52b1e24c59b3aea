#include "worker/engine/machine/openmp.h"

#include <algorithm>
#include <atomic>
#include <climits>

#include "worker/engine/machine/parallel.h"
#include "worker/threads/progress.h"
#include "worker/threads/team.h"

namespace sluice::engine {
namespace {

struct Region {
  void (*function)(void*);
  void* data;
  int lanes;
  std::atomic<int> arrived = 0;  // at the next barrier
  Progress barriers{};           // that all lanes have reached
};

struct Lane {
  Region* region = nullptr;
  int index = 0;
  int count = 1;
};

// Outside of oneDNN's regions, and in ranges of our own loops, a thread is alone.
thread_local Lane tl_lane;
thread_local std::uint64_t tl_openmp_regions = 0;

void run_lane(Region& region, int index) {
  const Lane outer = tl_lane;
  tl_lane = {.region = &region, .index = index, .count = region.lanes};
  region.function(region.data);
  tl_lane = outer;
}

void open_region(void (*function)(void*), void* data, int wanted) {
  const int lanes = in_region() ? 1 : std::min(wanted == 0 ? team_size() : wanted, kMostParts);
  Region region{.function = function, .data = data, .lanes = lanes};
  if (lanes == 1) {
    run_lane(region, 0);
    return;
  }
  ++tl_openmp_regions;
  // A primitive's lanes are those it was made for, and may wait for each other: each gets a thread.
  run_region(
      lanes,
      lanes - 1,
      [](void* context, int part) { run_lane(*static_cast<Region*>(context), part); },
      &region);
}

void reach_barrier() {
  if (tl_lane.count == 1) {
    return;
  }
  Region& region = *tl_lane.region;
  const std::uint32_t seen = region.barriers.now();
  if (region.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == region.lanes) {
    region.arrived.store(0, std::memory_order_relaxed);
    region.barriers.raise(1, INT_MAX);
    return;
  }
  region.barriers.wait_while(seen);
}

}  // namespace

std::uint64_t openmp_region_count() {
  return tl_openmp_regions;
}

}  // namespace sluice::engine

// What GCC makes of the pragmas in oneDNN's source.
extern "C" {

__attribute__((visibility("default"))) void GOMP_parallel(void (*function)(void*),
                                                          void* data,
                                                          unsigned lanes,
                                                          unsigned /*flags*/) {
  sluice::engine::open_region(function, data, static_cast<int>(lanes));
}

__attribute__((visibility("default"))) void GOMP_barrier() {
  sluice::engine::reach_barrier();
}

__attribute__((visibility("default"))) int omp_get_max_threads() {
  return sluice::engine::in_region() ? 1 : sluice::engine::team_size();
}

__attribute__((visibility("default"))) int omp_get_num_threads() {
  return sluice::engine::tl_lane.count;
}

__attribute__((visibility("default"))) int omp_get_thread_num() {
  return sluice::engine::tl_lane.index;
}

__attribute__((visibility("default"))) int omp_in_parallel() {
  return sluice::engine::in_region() ? 1 : 0;
}

}  // extern "C"
