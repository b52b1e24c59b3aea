#include "common/metrics/registry.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::metrics {
namespace {

using namespace std::chrono_literals;

TEST(Registry, SumsASeriesOverItsBlocks) {
  Registry registry;
  Block& one = registry.add_block();
  Block& two = registry.add_block();
  one.counter(kErrorsTotal, {"retry"}).add(2);
  two.counter(kErrorsTotal, {"retry"}).add(3);
  two.counter(kErrorsTotal, {"late_reply"}).add();
  one.gauge(kQueueDepth, {"m", "1"}).set(7);
  two.gauge(kQueueDepth, {"m", "1"}).add(-2);
  one.histogram(kRequestSeconds, {"m", "1", "compute"}).observe(1ms);
  two.histogram(kRequestSeconds, {"m", "1", "compute"}).observe(2ms);
  EXPECT_EQ(registry.value(kErrorsTotal, {"retry"}), 5);
  EXPECT_EQ(registry.value(kErrorsTotal, {"late_reply"}), 1);
  EXPECT_EQ(registry.value(kErrorsTotal, {"unheard_of"}), 0);
  EXPECT_EQ(registry.value(kQueueDepth, {"m", "1"}), 5);
  EXPECT_EQ(registry.totals(kRequestSeconds, {"m", "1", "compute"}).count(), 2U);
  EXPECT_EQ(registry.totals(kRequestSeconds, {"m", "1", "compute"}).sum_ns, 3'000'000U);
}

TEST(Registry, GivesTheSameCellForTheSameLabels) {
  Registry registry;
  Block& block = registry.add_block();
  Counter& first = block.counter(kWorkerRestartsTotal, {"m", "1"});
  for (int i = 0; i < 100; ++i) {
    block.counter(kWorkerRestartsTotal, {"m", std::to_string(i)});
  }
  EXPECT_EQ(&first, &block.counter(kWorkerRestartsTotal, {"m", "1"}));
  // The boundary between two labels counts.
  EXPECT_NE(&block.counter(kWorkerRestartsTotal, {"ab", "c"}),
            &block.counter(kWorkerRestartsTotal, {"a", "bc"}));
}

TEST(Registry, SeriesBeyondTheLimitShareOneCalledOther) {
  Registry registry;
  Block& block = registry.add_block();
  for (std::size_t i = 0; i < limits::kMetricSeries + 50; ++i) {
    block.counter(kErrorsTotal, {std::to_string(i)}).add();
    block.gauge(kQueueDepth, {"m", "late"});
  }
  // One place went to the gauge.
  EXPECT_EQ(registry.value(kErrorsTotal, {"other"}), 51);
  std::size_t count = 0;
  for (const Series* series = block.newest(); series != nullptr; series = series->next) {
    ++count;
  }
  EXPECT_EQ(count, limits::kMetricSeries + 1);
}

TEST(RegistryDeathTest, AWrongNumberOfLabelsIsOurMistake) {
  Registry registry;
  Block& block = registry.add_block();
  EXPECT_DEATH(block.counter(kErrorsTotal, {"a", "b"}), "broken invariant");
  EXPECT_DEATH(block.gauge(kErrorsTotal, {"a"}), "broken invariant");
}

TEST(Registry, IsReadWhileItsBlocksAreWritten) {
  constexpr int kRounds = 2'000;
  Registry registry;
  Block& one = registry.add_block();
  Block& two = registry.add_block();
  const auto write = [](Block& block) {
    for (int i = 0; i < kRounds; ++i) {
      block.counter(kErrorsTotal, {std::to_string(i % 50)}).add();
      block.histogram(kRequestSeconds, {"m", "1", "queue"}).observe(std::chrono::microseconds(i));
    }
  };
  std::thread first(write, std::ref(one));
  std::thread second(write, std::ref(two));
  std::int64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t now = registry.value(kErrorsTotal, {"7"});
    EXPECT_GE(now, last);
    last = now;
    EXPECT_LE(registry.prometheus_text().size(), 100'000U);
  }
  first.join();
  second.join();
  EXPECT_EQ(registry.value(kErrorsTotal, {"7"}), 2 * kRounds / 50);
  EXPECT_EQ(registry.totals(kRequestSeconds, {"m", "1", "queue"}).count(), 2U * kRounds);
}

}  // namespace
}  // namespace sluice::metrics
