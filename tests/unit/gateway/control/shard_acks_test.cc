#include "gateway/control/shard_acks.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(ShardAcks, ASnapshotIsAppliedWhenTheSlowestShardHasIt) {
  ShardAcks acks(2);
  EXPECT_EQ(acks.on_applied(0, 3), std::nullopt);
  EXPECT_EQ(acks.count_of(3), 1);
  EXPECT_EQ(acks.on_applied(1, 2), 2U);
  EXPECT_EQ(acks.on_applied(0, 4), std::nullopt);
  EXPECT_EQ(acks.on_applied(1, 4), 4U);
  EXPECT_EQ(acks.on_applied(1, 3), std::nullopt);  // late
  EXPECT_EQ(acks.applied_by_all(), 4U);
  EXPECT_EQ(acks.count_of(3), 2);
  EXPECT_EQ(acks.count_of(5), 0);
}

TEST(ShardAcks, AVersionIsQuietWhenEveryShardHasSaidSoAndSinceTheEarliestOfThem) {
  ShardAcks acks(2);
  EXPECT_EQ(acks.on_quiet("m", 1, 0, 5), std::nullopt);
  EXPECT_EQ(acks.on_quiet("m", 2, 1, 5), std::nullopt);  // another version
  EXPECT_EQ(acks.on_quiet("m", 1, 1, 7), 5U);
  EXPECT_EQ(acks.on_quiet("m", 1, 0, 7), 7U);
  acks.forget("m", 1);
  EXPECT_EQ(acks.on_quiet("m", 1, 0, 9), std::nullopt);
}

}  // namespace
}  // namespace sluice::gateway
