#include "gateway/route/quarantine.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kAdded{1h};

TEST(Quarantine, HoldsARequestOfOneModel) {
  Quarantine quarantine;
  EXPECT_TRUE(quarantine.empty());
  quarantine.add(1, 77, kAdded);
  EXPECT_TRUE(quarantine.holds(1, 77, kAdded));
  EXPECT_FALSE(quarantine.holds(2, 77, kAdded));
  EXPECT_FALSE(quarantine.holds(1, 78, kAdded));
}

TEST(Quarantine, HoldsNothingWithoutADigest) {
  Quarantine quarantine;
  quarantine.add(1, 0, kAdded);
  EXPECT_TRUE(quarantine.empty());
  EXPECT_FALSE(quarantine.holds(1, 0, kAdded));
}

TEST(Quarantine, LetsARequestTryAgainAfterItsTime) {
  Quarantine quarantine;
  quarantine.add(1, 77, kAdded);
  EXPECT_TRUE(quarantine.holds(1, 77, kAdded + limits::kQuarantineTime - 1ns));
  EXPECT_FALSE(quarantine.holds(1, 77, kAdded + limits::kQuarantineTime));
  quarantine.sweep(kAdded + limits::kQuarantineTime);
  EXPECT_TRUE(quarantine.empty());
}

TEST(Quarantine, ForgetsTheOldestBeyondItsLimit) {
  Quarantine quarantine(2);
  quarantine.add(1, 10, kAdded);
  quarantine.add(1, 11, kAdded);
  quarantine.add(1, 10, kAdded + 1s);  // again: now the younger one
  quarantine.add(1, 12, kAdded + 2s);
  EXPECT_EQ(quarantine.size(), 2U);
  EXPECT_TRUE(quarantine.holds(1, 10, kAdded + 2s));
  EXPECT_FALSE(quarantine.holds(1, 11, kAdded + 2s));
  EXPECT_TRUE(quarantine.holds(1, 12, kAdded + 2s));
}

TEST(Quarantine, IsLiftedForAModel) {
  Quarantine quarantine;
  quarantine.add(1, 10, kAdded);
  quarantine.add(2, 10, kAdded);
  quarantine.forget(1);
  EXPECT_FALSE(quarantine.holds(1, 10, kAdded));
  EXPECT_TRUE(quarantine.holds(2, 10, kAdded));
}

}  // namespace
}  // namespace sluice::gateway
