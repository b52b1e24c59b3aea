#include "gateway/control/answer_counts.h"

#include <chrono>

#include <gtest/gtest.h>

#include "common/metrics/families.h"
#include "gateway/route/shard_metrics.h"

namespace sluice::gateway {
namespace {

class Counted : public testing::Test {
 protected:
  // A shard answers a request of model m `count` times; version 0: no worker had it.
  void answers(std::int64_t version,
               std::optional<ErrorCode> code,
               std::uint64_t count,
               std::string_view protocol = "kserve_v2") {
    for (std::uint64_t i = 0; i < count; ++i) {
      shard_.answered(shard_.series("m", version), protocol, code);
    }
  }

  metrics::Registry registry_;
  ShardMetrics shard_{registry_.add_block()};
};

TEST_F(Counted, EachErrorIsTheVersionsFaultOrNot) {
  struct Case {
    ErrorCode code;
    bool fault;
  };
  const Case cases[] = {
      {ErrorCode::invalid_argument, false},
      {ErrorCode::not_found, false},
      {ErrorCode::unsupported, false},
      {ErrorCode::resource_exhausted, false},
      {ErrorCode::deadline_exceeded, true},
      {ErrorCode::unavailable, true},
      {ErrorCode::cancelled, false},
      {ErrorCode::data_corrupt, true},
      {ErrorCode::internal, true},
  };
  EXPECT_EQ(std::size(cases), std::size(kAllErrorCodes));
  AnswerCounts expected;
  for (const Case& each : cases) {
    answers(7, each.code, 2);
    (each.fault ? expected.server_errors : expected.ok) += 2;
    EXPECT_EQ(answer_counts(registry_, "m", 7), expected) << name_of(each.code);
  }
}

TEST_F(Counted, AllProtocolsAndShardsAreAddedAndOthersVersionsAreNot) {
  ShardMetrics other(registry_.add_block());
  answers(7, std::nullopt, 3);
  answers(7, std::nullopt, 4, "graphpipe");
  answers(8, std::nullopt, 100);
  answers(8, ErrorCode::internal, 100);
  other.answered(other.series("m", 7), "kserve_v2", ErrorCode::internal);
  other.answered(other.series("n", 7), "kserve_v2", ErrorCode::internal);
  EXPECT_EQ(answer_counts(registry_, "m", 7), (AnswerCounts{.ok = 7, .server_errors = 1}));
}

TEST_F(Counted, ADeadlineThatPassedInTheQueueIsNoVersions) {
  answers(0, ErrorCode::deadline_exceeded, 50);
  answers(7, ErrorCode::deadline_exceeded, 3);
  EXPECT_EQ(answer_counts(registry_, "m", 7), (AnswerCounts{.ok = 0, .server_errors = 3}));
}

}  // namespace
}  // namespace sluice::gateway
