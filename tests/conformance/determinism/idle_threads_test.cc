// What a run's threads cost once it has ended: next to nothing, since they wait for the next part
// of a run for less than 0.1 ms and then sleep. GOMP_SPINCOUNT, as the spawner of workers sets it,
// comes with this test's environment (CMakeLists.txt). The processor's time is read, not the clock:
// a busy machine changes nothing.

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// Microseconds of processor time that this process has had, in all its threads.
double processor_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

TEST(IdleThreads, SleepOnceARunHasEnded) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment of this process.
  if (std::getenv("GOMP_SPINCOUNT") == nullptr) {
    GTEST_SKIP() << "GOMP_SPINCOUNT is not set, as the spawner of a worker sets it";
  }
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
    const double before = processor_us();
    ::poll(nullptr, 0, 10);
    idle_us.push_back(processor_us() - before);
  }
  std::ranges::sort(idle_us);
  const double median = idle_us[kRuns / 2];
  RecordProperty("idle_us", static_cast<int>(median));
  // 40 where the machine is quiet; a thread that spins on would have had up to 10,000.
  EXPECT_LT(median, 200);
}

}  // namespace
}  // namespace sluice::engine
