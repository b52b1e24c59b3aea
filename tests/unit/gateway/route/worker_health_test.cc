#include "gateway/route/worker_health.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

void serve(WorkerHealth& health, Duration service, int times) {
  for (int i = 0; i < times; ++i) {
    health.succeeded(service);
  }
}

TEST(WorkerHealth, FollowsTheServiceTime) {
  WorkerHealth health;
  EXPECT_EQ(health.estimate(), 0ms);
  health.succeeded(8ms);
  EXPECT_EQ(health.estimate(), 8ms);
  health.succeeded(16ms);
  EXPECT_EQ(health.estimate(), 9ms);
  health.succeeded(0ms);  // not told
  EXPECT_EQ(health.estimate(), 9ms);
}

TEST(WorkerHealth, IsFailingAfterFiveFailuresInARow) {
  WorkerHealth health;
  for (int i = 0; i < 4; ++i) {
    health.failed();
  }
  health.succeeded(1ms);
  EXPECT_FALSE(health.failing());
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(health.failing());
    health.failed();
  }
  EXPECT_TRUE(health.failing());
}

struct Slow {
  const char* why;
  Duration service;
  int samples;
  Duration best;
  bool slow;
};

constexpr Slow kSlow[] = {
    {"five times slower", 50ms, 16, 10ms, true},
    {"four times is not far enough", 40ms, 16, 10ms, false},
    {"too few samples", 50ms, 15, 10ms, false},
    {"nobody to compare with", 50ms, 16, 0ms, false},
    {"far slower by factor, but only by microseconds", 1ms, 16, 100us, false},
};

TEST(WorkerHealth, IsSlowByFactorAndByMargin) {
  for (const Slow& item : kSlow) {
    WorkerHealth health;
    serve(health, item.service, item.samples);
    EXPECT_EQ(health.slow(item.best), item.slow) << item.why;
  }
}

TEST(WorkerHealth, IsEjectedForLongerEachTime) {
  WorkerHealth health;
  EXPECT_FALSE(health.ejected(kStart));
  TimePoint now = kStart;
  for (const Duration length : {1s, 2s, 4s, 8s, 16s, 32s, 32s}) {
    health.eject(now);
    EXPECT_TRUE(health.ejected(now + length - 1ns));
    now += length;
    EXPECT_FALSE(health.ejected(now));
  }
  health.eject(now + 61s);  // it behaved for over a minute
  EXPECT_FALSE(health.ejected(now + 62s));
}

TEST(WorkerHealth, ComesBackWithACleanSheet) {
  WorkerHealth health;
  serve(health, 50ms, 20);
  for (int i = 0; i < 5; ++i) {
    health.failed();
  }
  health.eject(kStart);
  EXPECT_FALSE(health.failing());
  EXPECT_FALSE(health.slow(1ms));
  EXPECT_EQ(health.estimate(), 0ms);
}

}  // namespace
}  // namespace sluice::gateway
