#include "gateway/route/quarantine.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

TEST(Quarantine, HoldsARequestOfOneModel) {
  Quarantine quarantine;
  EXPECT_TRUE(quarantine.empty());
  quarantine.add(1, 77, kStart);
  EXPECT_TRUE(quarantine.holds(1, 77, kStart));
  EXPECT_FALSE(quarantine.holds(2, 77, kStart));
  EXPECT_FALSE(quarantine.holds(1, 78, kStart));
}

TEST(Quarantine, HoldsNothingWithoutADigest) {
  Quarantine quarantine;
  quarantine.add(1, 0, kStart);
  EXPECT_TRUE(quarantine.empty());
  EXPECT_FALSE(quarantine.holds(1, 0, kStart));
}

TEST(Quarantine, LetsARequestTryAgainAfterItsTime) {
  Quarantine quarantine;
  quarantine.add(1, 77, kStart);
  EXPECT_TRUE(quarantine.holds(1, 77, kStart + limits::kQuarantineTime - 1ns));
  EXPECT_FALSE(quarantine.holds(1, 77, kStart + limits::kQuarantineTime));
  quarantine.sweep(kStart + limits::kQuarantineTime);
  EXPECT_TRUE(quarantine.empty());
}

TEST(Quarantine, ForgetsTheOldestBeyondItsLimit) {
  Quarantine quarantine(2);
  quarantine.add(1, 10, kStart);
  quarantine.add(1, 11, kStart);
  quarantine.add(1, 10, kStart + 1s);  // again: now the younger one
  quarantine.add(1, 12, kStart + 2s);
  EXPECT_EQ(quarantine.size(), 2U);
  EXPECT_TRUE(quarantine.holds(1, 10, kStart + 2s));
  EXPECT_FALSE(quarantine.holds(1, 11, kStart + 2s));
  EXPECT_TRUE(quarantine.holds(1, 12, kStart + 2s));
}

TEST(Quarantine, IsLiftedForAModel) {
  Quarantine quarantine;
  quarantine.add(1, 10, kStart);
  quarantine.add(2, 10, kStart);
  quarantine.forget(1);
  EXPECT_FALSE(quarantine.holds(1, 10, kStart));
  EXPECT_TRUE(quarantine.holds(2, 10, kStart));
}

}  // namespace
}  // namespace sluice::gateway
