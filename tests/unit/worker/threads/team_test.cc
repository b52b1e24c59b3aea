#include "worker/threads/team.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "worker/threads/progress.h"

namespace sluice::engine {
namespace {

template <class Body>
void run(int parts, int helpers, Body body) {
  run_region(
      parts, helpers, [](void* of, int part) { (*static_cast<Body*>(of))(part); }, &body);
}

std::ptrdiff_t threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST(Team, runs_each_part_once) {
  const struct {
    int parts, helpers;
  } cases[] = {
      {0, 1}, {1, 1}, {2, 0}, {2, 1}, {3, 1}, {3, 2}, {64, 1}, {64, 3}, {2, 5}, {65'535, 2}};
  for (const auto& [parts, helpers] : cases) {
    std::vector<int> times(static_cast<std::size_t>(parts));  // no two threads share a part
    run(parts, helpers, [&](int part) { ++times[static_cast<std::size_t>(part)]; });
    EXPECT_EQ(std::ranges::count(times, 1), parts) << parts << " parts, " << helpers << " helpers";
  }
}

TEST(Team, gives_the_first_part_to_the_caller) {
  const auto caller = std::this_thread::get_id();
  for (int i = 0; i < 1'000; ++i) {
    std::thread::id first;
    run(2, 1, [&](int part) {
      if (part == 0) {
        first = std::this_thread::get_id();
      }
    });
    ASSERT_EQ(first, caller);
  }
}

TEST(Team, runs_a_region_within_a_region_on_the_thread_that_asks) {
  EXPECT_FALSE(in_region());
  std::atomic<int> strangers = 0;
  std::atomic<int> inner = 0;
  const std::uint64_t before = region_count();
  run(8, 2, [&](int) {
    EXPECT_TRUE(in_region());
    const auto outer = std::this_thread::get_id();
    run(4, 3, [&](int) {
      strangers += std::this_thread::get_id() == outer ? 0 : 1;
      ++inner;
    });
    EXPECT_TRUE(in_region());
  });
  EXPECT_FALSE(in_region());
  EXPECT_EQ(strangers, 0);
  EXPECT_EQ(inner, 32);
  EXPECT_EQ(region_count() - before, 1U);
}

// Each waits for all others, so each has a thread: also when the helpers have just gone to sleep.
TEST(Team, gives_each_part_a_thread_when_parts_wait_for_each_other) {
  for (int i = 0; i < 300; ++i) {
    const int parts = 2 + i % 4;
    std::atomic<int> arrived = 0;
    Progress all;
    run(parts, parts - 1, [&](int) {
      for (std::uint32_t barrier = 0; barrier < 3; ++barrier) {
        if (arrived.fetch_add(1) + 1 == parts) {
          arrived = 0;
          all.raise(1, parts);
        } else {
          all.wait_while(barrier);
        }
      }
    });
    ASSERT_EQ(all.now(), 3U);
  }
}

// Parts 1 and 2 wait for each other, and the caller has finished its own and takes one of them.
TEST(Team, lets_the_caller_run_a_part_that_waits_for_a_helper) {
  for (int i = 0; i < 300; ++i) {
    Progress first;
    Progress second;
    run(3, 2, [&](int part) {
      if (part == 1) {
        first.raise(1, 1);
        second.wait_while(0);
      } else if (part == 2) {
        second.raise(1, 1);
        first.wait_while(0);
      }
    });
    ASSERT_EQ(first.now() + second.now(), 2U);
  }
}

TEST(Team, runs_many_tiny_regions) {
  std::uint64_t sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::uint64_t by_part[2] = {};
    run(2, 1, [&](int part) { by_part[part] += static_cast<std::uint64_t>(part) + 1; });
    sum += by_part[0] + by_part[1];
  }
  EXPECT_EQ(sum, 300'000U);
}

TEST(Team, grows_with_what_is_asked_for_and_ends_with_its_thread) {
  const std::ptrdiff_t before = threads_of_this_process();
  std::vector<std::ptrdiff_t> threads;
  std::thread([&] {
    for (const int helpers : {1, 3, 2, 0, 3}) {
      run(8, helpers, [](int) {});
      threads.push_back(threads_of_this_process() - before);
    }
  }).join();
  EXPECT_EQ(threads, (std::vector<std::ptrdiff_t>{2, 4, 4, 4, 4}));
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(Team, belongs_to_one_caller_alone) {
  constexpr int kCallers = 4;
  std::vector<std::uint64_t> sums(kCallers);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&sums, caller] {
      for (int i = 0; i < 2'000; ++i) {
        std::uint64_t by_part[5] = {};
        run(5, 1 + caller, [&](int part) { by_part[part] = static_cast<std::uint64_t>(part); });
        for (const std::uint64_t value : by_part) {
          sums[static_cast<std::size_t>(caller)] += value;
        }
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(sums, std::vector<std::uint64_t>(kCallers, 20'000));
}

// Runs `body` on a thread that, with its helpers, has one core alone.
template <class Body>
void on_one_core(Body body) {
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    body();
  }).join();
}

// Who runs how many is the system's choice, and another one where a third process has its share of
// the core: when a helper rests is in the tests of RestRule.
TEST(Team, runs_each_part_once_where_there_is_but_one_core) {
  on_one_core([] {
    std::atomic<std::uint64_t> work = 0;
    for (int i = 0; i < 500; ++i) {
      int runs[8] = {};
      run(8, 1, [&](int part) {
        for (int turn = 0; turn < 2'000; ++turn) {
          work.fetch_add(1, std::memory_order_relaxed);
        }
        ++runs[part];
      });
      ASSERT_EQ(std::ranges::count(runs, 1), 8);
    }
    EXPECT_EQ(work, 500U * 8 * 2'000);
  });
}

TEST(Team, runs_parts_that_wait_for_each_other_also_when_its_helpers_rest) {
  on_one_core([] {
    for (int i = 0; i < 10; ++i) {
      std::atomic<int> arrived = 0;
      Progress all;
      run(3, 2, [&](int) {
        if (arrived.fetch_add(1) + 1 == 3) {
          all.raise(1, 3);
        } else {
          all.wait_while(0);
        }
      });
      ASSERT_EQ(all.now(), 1U);
    }
  });
}

}  // namespace
}  // namespace sluice::engine
