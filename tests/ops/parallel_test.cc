// Which threads compute: those of worker/threads, in our loops and in oneDNN's.

#include "worker/engine/machine/parallel.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/engine/machine/openmp.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"
#include "worker/threads/team.h"

namespace sluice::engine {
namespace {

namespace graphs = testing;

// Runs `body` on a thread of its own, whose team nobody has used.
template <class Body>
void with_new_team(int threads, Body body) {
  std::thread([&] {
    set_team_size(threads);
    body();
  }).join();
}

TEST(ParallelFor, covers_each_item_once) {
  const struct {
    int threads;
    std::int64_t count, grain;
  } cases[] = {{1, 10, 1},
               {2, 0, 1},
               {2, 1, 1},
               {2, 2, 1},
               {2, 7, 1},
               {2, 8, 1},
               {2, 9, 4},
               {2, 9, 5},
               {2, 9, 9},
               {3, 5, 2},
               {3, 100, 7},
               {5, 3, 1}};
  for (const auto& [threads, count, grain] : cases) {
    with_new_team(threads, [&, count = count, grain = grain] {
      std::vector<int> times(static_cast<std::size_t>(count));
      std::atomic<int> ranges = 0;
      parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
        EXPECT_LT(begin, end);
        ++ranges;
        for (std::int64_t i = begin; i < end; ++i) {
          ++times[static_cast<std::size_t>(i)];
        }
      });
      EXPECT_EQ(std::ranges::count(times, 1), count);
      EXPECT_LE(ranges, std::max<std::int64_t>(count / grain, 1));
    });
  }
}

TEST(ParallelFor, is_serial_within_itself_and_with_one_thread) {
  with_new_team(2, [] {
    std::atomic<int> ranges = 0;
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++ranges; });
    });
    EXPECT_EQ(ranges, 2);
    EXPECT_EQ(region_count(), 1U);
    set_team_size(1);
    parallel_for(100, 1, [](std::int64_t begin, std::int64_t end) { EXPECT_EQ(end - begin, 100); });
    EXPECT_EQ(region_count(), 1U);
  });
}

// The linker gives oneDNN our functions in place of libgomp's, and no thread but ours is started.
TEST(OpenMp, of_oneDNN_is_the_engines_own) {
  const NamedTensor x = graphs::random_floats({1, 64, 28, 28}, 1);
  graphs::GraphCase graph;
  graph.input("x", x).constant("w", graphs::random_floats({64, 64, 5, 5}, 2));
  graph.node("Conv", {"x", "w"}, {"y"}, {graphs::integers("pads", {2, 2, 2, 2})}).output("y");
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  for (const int team : {1, 2}) {
    auto model = graph.model();
    ASSERT_TRUE(model) << model.error().detail;
    with_new_team(team, [&] {
      const auto before = threads();
      const auto session = make_session(*std::move(model), team, registry, {});
      ASSERT_TRUE(session) << session.error().detail;
      const auto execution = (*session)->new_execution();
      EXPECT_TRUE(model::run_tensors(*execution, (*session)->info(), {x}, {0}));
      EXPECT_EQ(openmp_region_count() > 0, team == 2);
      EXPECT_EQ(region_count() > 0, team == 2);
      EXPECT_EQ(threads() - before, team - 1);
    });
  }
}

}  // namespace
}  // namespace sluice::engine

// What oneDNN calls, as GCC calls it.
extern "C" {
void GOMP_parallel(void (*function)(void*), void* data, unsigned lanes, unsigned flags);
void GOMP_barrier();
int omp_get_max_threads();
int omp_get_num_threads();
int omp_get_thread_num();
int omp_in_parallel();
}

namespace sluice::engine {
namespace {

struct Seen {
  int lanes = 0;
  int most = 0;
  int in_parallel = 0;
  std::atomic<int> inner_lanes = 0;
  int behind_barriers = 0;
};

struct Lanes {
  std::vector<Seen> seen;
  std::atomic<int> arrived = 0;
};

void look(void* data) {
  Lanes& lanes = *static_cast<Lanes*>(data);
  Seen& seen = lanes.seen.at(static_cast<std::size_t>(omp_get_thread_num()));
  seen.lanes = omp_get_num_threads();
  seen.most = omp_get_max_threads();
  seen.in_parallel = omp_in_parallel();
  for (int i = 0; i < 2; ++i) {
    ++lanes.arrived;
    GOMP_barrier();
    seen.behind_barriers += lanes.arrived.load();
    GOMP_barrier();
  }
  GOMP_parallel(
      [](void* inner) {
        GOMP_barrier();
        *static_cast<std::atomic<int>*>(inner) += omp_get_num_threads();
      },
      &seen.inner_lanes,
      4,
      0);
  EXPECT_EQ(omp_get_num_threads(), seen.lanes);
}

TEST(OpenMp, gives_each_lane_its_number_and_lets_it_wait_for_the_others) {
  const struct {
    unsigned asked;
    int lanes;
  } cases[] = {{1, 1}, {2, 2}, {3, 3}, {7, 7}, {0, 3}};  // 0: as many as the team has
  with_new_team(3, [&] {
    for (const auto& [asked, count] : cases) {
      Lanes lanes{.seen = std::vector<Seen>(static_cast<std::size_t>(count))};
      GOMP_parallel(look, &lanes, asked, 0);
      for (const Seen& seen : lanes.seen) {
        EXPECT_EQ(seen.lanes, count);
        EXPECT_EQ(seen.most, count == 1 ? 3 : 1);
        EXPECT_EQ(seen.in_parallel, count == 1 ? 0 : 1);
        EXPECT_EQ(seen.behind_barriers, count + 2 * count);
        EXPECT_EQ(seen.inner_lanes, count == 1 ? 4 * 4 : 1);
      }
    }
    EXPECT_EQ(omp_get_num_threads(), 1);
    EXPECT_EQ(omp_get_thread_num(), 0);
    EXPECT_EQ(omp_get_max_threads(), 3);
    EXPECT_EQ(omp_in_parallel(), 0);
  });
}

}  // namespace
}  // namespace sluice::engine
