// What a run's threads cost once it has ended: next to nothing, since they wait for the next part
// of a run for less than 0.1 ms and then sleep. The processor's time is read, not the clock: a busy
// machine changes nothing.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// Microseconds of processor time that the other threads of this process have had. Each is asked for
// its own: the sum that the kernel has for a process lacks what threads have had since the last
// tick.
double helpers_us() {
  double sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    const auto id = std::stoul(thread.path().filename());
    if (static_cast<pid_t>(id) == ::gettid()) {
      continue;
    }
    // The clock of a thread that is not a pthread_t of ours, as the kernel numbers them.
    const auto clock = static_cast<clockid_t>(~static_cast<unsigned>(id) << 3U | 6U);
    timespec now{};
    EXPECT_EQ(::clock_gettime(clock, &now), 0);
    sum += static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  }
  return sum;
}

TEST(IdleThreads, SleepOnceARunHasEnded) {
  namespace graphs = testing;
  const NamedTensor x = graphs::random_floats({1, 64, 56, 56}, 1);
  graphs::GraphCase graph;
  graph.input("x", x).constant("w", graphs::random_floats({64, 64, 3, 3}, 2));
  graph.node("Conv", {"x", "w"}, {"c"}, {graphs::integers("pads", {1, 1, 1, 1})});
  graph.node("Tanh", {"c"}, {"y"}).output("y");
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  auto model = graph.model();
  ASSERT_TRUE(model) << model.error().detail;
  const auto session = make_session(*std::move(model), 2, registry, {});
  ASSERT_TRUE(session) << session.error().detail;
  const auto execution = (*session)->new_execution();
  constexpr std::size_t kRuns = 21;
  std::vector<double> idle_us;
  for (std::size_t run = 0; run < kRuns; ++run) {
    ASSERT_TRUE(model::run_tensors(*execution, (*session)->info(), {x}, {0}));
    const double before = helpers_us();
    ::poll(nullptr, 0, 10);
    idle_us.push_back(helpers_us() - before);
  }
  std::ranges::sort(idle_us);
  const double median = idle_us[kRuns / 2];
  RecordProperty("idle_us", static_cast<int>(median));
  // 50 is what Progress looks for; a thread that spins on would have had up to 10,000.
  EXPECT_LT(median, 100);
}

}  // namespace
}  // namespace sluice::engine
