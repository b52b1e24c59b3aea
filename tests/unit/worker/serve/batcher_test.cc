#include "worker/serve/batcher.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr TimePoint kNow(1000s);
constexpr LinkRef kLink{.link = 0, .attach = 1};
constexpr LinkRef kOtherLink{.link = 0, .attach = 2};

Job job(RequestId id, TimePoint deadline = TimePoint::max(), const LinkRef& from = kLink) {
  return {.id = id, .attempt = 1, .from = from, .deadline = deadline, .received = kNow, .body = {}};
}

class BatcherTest : public testing::Test {
 protected:
  void make(std::size_t executors, std::size_t requests = 1'000, std::size_t bytes = 1'000'000) {
    batcher_.emplace(
        BatcherOptions{.executors = executors, .queue_requests = requests, .queue_bytes = bytes});
  }

  void add(RequestId first, RequestId last) {
    for (RequestId id = first; id <= last; ++id) {
      ASSERT_TRUE(batcher_->add(job(id)));
    }
  }

  // "0:1,2 1:3": executor and ids of each run.
  std::string hand_out(TimePoint now = kNow) {
    std::string text;
    for (const worker::Run& run : batcher_->hand_out(now, expired_)) {
      text += (text.empty() ? "" : " ") + std::to_string(run.executor) + ":";
      for (std::size_t i = 0; i < run.requests.size(); ++i) {
        text += (i == 0 ? "" : ",") + std::to_string(run.requests[i].job.id);
        slots_.push_back(run.requests[i].slot);
      }
    }
    return text;
  }

  std::optional<Batcher> batcher_;
  std::vector<Job> expired_;
  std::vector<std::size_t> slots_;
};

TEST_F(BatcherTest, RunsASuspectWithNothingBesideIt) {
  make(2);
  add(1, 1);
  Job suspect = job(2);
  suspect.alone = true;
  ASSERT_TRUE(batcher_->add(suspect));
  add(3, 4);
  EXPECT_EQ(hand_out(), "0:1");
  EXPECT_EQ(hand_out(), "");  // 1 still runs
  batcher_->on_done(0, slots_[0], 1ms);
  EXPECT_EQ(hand_out(), "0:2");
  EXPECT_EQ(hand_out(), "");  // nothing begins beside it
  batcher_->on_done(0, slots_[1], 1ms);
  EXPECT_EQ(hand_out(), "0:3 1:4");
}

TEST_F(BatcherTest, GivesAnIdleExecutorWhatIsThere) {
  make(1);
  EXPECT_EQ(hand_out(), "");
  add(1, 3);
  EXPECT_EQ(hand_out(), "0:1");  // nothing is known of the service time yet: one at a time
  EXPECT_EQ(hand_out(), "");
  batcher_->on_done(0, slots_[0], 100us);
  EXPECT_EQ(hand_out(), "0:2,3");
  EXPECT_EQ(batcher_->queued(), 0U);
  EXPECT_EQ(batcher_->assigned(), 2U);
}

TEST_F(BatcherTest, RunsAreAboutAMillisecondAndAtMost64) {
  const struct {
    Duration service;
    std::size_t expected;
  } rows[] = {{1us, 64}, {15us, 64}, {16us, 63}, {100us, 10}, {300us, 4}, {1ms, 1}, {40ms, 1}};
  for (const auto& row : rows) {
    make(1);
    batcher_->expect_service(row.service);
    add(1, 200);
    const auto runs = batcher_->hand_out(kNow, expired_);
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].requests.size(), row.expected) << row.service.count() << " ns";
  }
}

TEST_F(BatcherTest, SharesWhatWaitsBetweenIdleExecutors) {
  make(3);
  batcher_->expect_service(100us);
  add(1, 7);
  EXPECT_EQ(hand_out(), "0:1,2,3 1:4,5 2:6,7");
}

TEST_F(BatcherTest, WakesNoSecondExecutorForLittleWork) {
  make(2);
  batcher_->expect_service(1us);
  add(1, 4);
  EXPECT_EQ(hand_out(), "0:1,2,3,4");
  add(5, 6);
  EXPECT_EQ(hand_out(), "0:5,6");  // it is at work anyway
  add(7, 106);
  EXPECT_EQ(hand_out().substr(0, 2), "1:");  // 100 us: worth a second one
}

// One request after the other, each of which took `service`.
TEST_F(BatcherTest, ARunIsNotWorthHandingOverWhenManyWereQuickAndItIsAllThereIs) {
  const struct {
    std::string what;
    std::size_t quick;  // engine runs before
    Duration service;
    Duration last;       // service time of one more
    RequestId requests;  // then there
    std::size_t bytes;   // of each
    bool alone;
    bool worth;
  } cases[] = {
      {"quick and small", kQuickRuns, 4us, 4us, 1, 0, false, false},
      {"several, still little work", kQuickRuns, 4us, 4us, 5, 0, false, false},
      {"several, too much work", kQuickRuns, 4us, 4us, 6, 0, false, true},
      {"too few runs so far", kQuickRuns - 2, 4us, 4us, 1, 0, false, true},
      {"a slow one lately", kQuickRuns, 4us, 1ms, 1, 0, false, true},
      {"too long a mean", kQuickRuns, 21us, 21us, 1, 0, false, true},
      {"large", kQuickRuns, 4us, 4us, 1, limits::kSmallTensorBytes + 1, false, true},
      {"a suspect", kQuickRuns, 4us, 4us, 1, 0, true, true},
  };
  for (const auto& each : cases) {
    make(1);
    for (std::size_t i = 0; i <= each.quick; ++i) {
      add(1, 1);
      slots_.clear();
      EXPECT_EQ(hand_out(), "0:1");
      batcher_->on_done(0, slots_[0], i == each.quick ? each.last : each.service);
    }
    for (RequestId id = 2; id < 2 + each.requests; ++id) {
      Job next = job(id);
      next.alone = each.alone;
      next.body.push_back(Buffer::copy_of(std::string(each.bytes, 'x')));
      ASSERT_TRUE(batcher_->add(next));
    }
    const std::vector<worker::Run> runs = batcher_->hand_out(kNow, expired_);
    ASSERT_EQ(runs.size(), 1U) << each.what;
    EXPECT_EQ(batcher_->worth_handing_over(runs[0]), each.worth) << each.what;
    ASSERT_TRUE(batcher_->add(job(100)));
    EXPECT_TRUE(batcher_->worth_handing_over(runs[0])) << each.what << ", and another waits";
  }
}

TEST_F(BatcherTest, PrefersAnIdleExecutorOverOneThatIsHalfDone) {
  make(2);
  batcher_->expect_service(250us);  // runs of four
  add(1, 1);
  EXPECT_EQ(hand_out(), "0:1");
  add(2, 2);
  EXPECT_EQ(hand_out(), "1:2");
}

TEST_F(BatcherTest, RefillsAnExecutorWhenHalfOfItsRunIsDone) {
  make(1);
  batcher_->expect_service(250us);
  add(1, 10);
  EXPECT_EQ(hand_out(), "0:1,2,3,4");
  batcher_->on_done(0, slots_[0], 250us);
  EXPECT_EQ(hand_out(), "");
  batcher_->on_done(0, slots_[1], 250us);
  EXPECT_EQ(hand_out(), "0:5,6");
}

TEST_F(BatcherTest, NeverHandsOutWhatHasExpired) {
  make(1);
  batcher_->expect_service(10us);
  ASSERT_TRUE(batcher_->add(job(1, kNow - 1ns)));
  ASSERT_TRUE(batcher_->add(job(2, kNow)));
  ASSERT_TRUE(batcher_->add(job(3, kNow + 1ns)));
  EXPECT_EQ(hand_out(), "0:3");
  ASSERT_EQ(expired_.size(), 2U);
  EXPECT_EQ(expired_[0].id, 1U);
  EXPECT_EQ(expired_[1].id, 2U);
}

TEST_F(BatcherTest, ExpiredOnesDoNotKeepOthersFromAnExecutor) {
  make(1);
  for (RequestId id = 1; id <= 5; ++id) {
    ASSERT_TRUE(batcher_->add(job(id, kNow - 1s)));
  }
  add(6, 6);
  EXPECT_EQ(hand_out(), "0:6");
}

TEST_F(BatcherTest, IsBoundedInCountAndBytes) {
  make(1, 2, 100);
  Job big = job(1);
  big.body = {Buffer::copy_of(std::string(60, 'x'))};
  ASSERT_TRUE(batcher_->add(big));
  auto refused = batcher_->add(big);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error(),
      (Error{ErrorCode::resource_exhausted, "the worker's queue is full: 1 requests, 60 bytes"}));
  ASSERT_TRUE(batcher_->add(job(2)));
  EXPECT_FALSE(batcher_->add(job(3)));
  EXPECT_EQ(hand_out(), "0:1");  // and its bytes are free again
  EXPECT_TRUE(batcher_->add(big));
}

TEST_F(BatcherTest, RemovesAWaitingRequest) {
  make(1);
  add(1, 3);
  EXPECT_EQ(hand_out(), "0:1");
  const auto removed = batcher_->remove(kLink, 2, 1);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->id, 2U);
  EXPECT_FALSE(batcher_->remove(kLink, 2, 1));
  EXPECT_FALSE(batcher_->remove(kLink, 1, 1));  // assigned already
  EXPECT_FALSE(batcher_->remove(kLink, 3, 2));
  EXPECT_FALSE(batcher_->remove(kOtherLink, 3, 1));
  batcher_->on_done(0, slots_[0], std::nullopt);
  EXPECT_EQ(hand_out(), "0:3");
}

TEST_F(BatcherTest, FindsAnAssignedRequest) {
  make(2);
  batcher_->expect_service(100us);
  add(1, 4);
  EXPECT_EQ(hand_out(), "0:1,2 1:3,4");
  const auto place = batcher_->find(kLink, 4, 1);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->executor, 1U);
  EXPECT_EQ(place->slot, slots_[3]);
  // Neither another attempt nor another socket's request of that id.
  EXPECT_FALSE(batcher_->find(kLink, 4, 2));
  EXPECT_FALSE(batcher_->find(kOtherLink, 4, 1));
  EXPECT_FALSE(batcher_->find(kLink, 5, 1));
}

TEST_F(BatcherTest, DropsAllOfOneSocketAndNothingElse) {
  make(1);
  ASSERT_TRUE(batcher_->add(job(1)));
  ASSERT_TRUE(batcher_->add(job(2, TimePoint::max(), kOtherLink)));
  ASSERT_TRUE(batcher_->add(job(3)));
  EXPECT_EQ(hand_out(), "0:1");
  const auto dropped = batcher_->drop_all(kLink);
  EXPECT_EQ(dropped.waiting.size(), 1U);
  ASSERT_EQ(dropped.assigned.size(), 1U);
  EXPECT_EQ(dropped.assigned[0].slot, slots_[0]);
  EXPECT_EQ(batcher_->queued(), 1U);
  batcher_->on_done(0, slots_[0], std::nullopt);
  EXPECT_EQ(hand_out(), "0:2");
}

TEST_F(BatcherTest, TakesBackWhatIsBehindAStuckRequestInItsOldOrder) {
  make(2);
  batcher_->expect_service(10us);
  add(1, 6);
  ASSERT_EQ(hand_out(), "0:1,2,3 1:4,5,6");
  EXPECT_TRUE(batcher_->has_run(0));
  for (std::size_t i = 3; i < 6; ++i) {
    batcher_->on_done(1, slots_[i], 10us);
  }
  add(7, 7);
  // Executor 0 runs 1 for ever; 2 and 3 have been revoked.
  batcher_->take_back(0, {slots_[2], slots_[1]});
  EXPECT_FALSE(batcher_->has_run(0));
  EXPECT_THAT(batcher_->slots_of(0), ElementsAre(slots_[0]));
  EXPECT_FALSE(batcher_->find(kLink, 2, 1));
  EXPECT_EQ(hand_out(), "1:2,3,7");  // all to the other one
  add(8, 8);
  EXPECT_EQ(hand_out(), "1:8");
  batcher_->on_done(0, slots_[0], 10us);
  add(9, 9);
  EXPECT_EQ(hand_out(), "0:9");
}

TEST_F(BatcherTest, AnExecutorThatHadOnlyNotBegunYetIsTrustedAgain) {
  make(1);
  batcher_->expect_service(10us);
  add(1, 2);
  ASSERT_EQ(hand_out(), "0:1,2");
  // It did not get a processor for a while: all it had was taken back.
  batcher_->take_back(0, {slots_[0], slots_[1]});
  EXPECT_EQ(hand_out(), "");
  batcher_->on_done(0, slots_[0], std::nullopt);
  EXPECT_EQ(hand_out(), "0:1,2");
  batcher_->on_done(0, slots_[1], std::nullopt);
}

TEST_F(BatcherTest, WhatIsTakenBackFromSeveralWaitsInItsOldOrder) {
  make(2);
  batcher_->expect_service(100us);
  add(1, 4);
  ASSERT_EQ(hand_out(), "0:1,2 1:3,4");
  batcher_->take_back(0, {slots_[0], slots_[1]});
  batcher_->take_back(1, {slots_[2], slots_[3]});
  batcher_->on_done(1, slots_[2], std::nullopt);
  batcher_->on_done(1, slots_[3], std::nullopt);
  EXPECT_EQ(hand_out(), "1:1,2,3,4");
}

TEST_F(BatcherTest, WhatIsTakenBackCanExpireAndBeRemoved) {
  make(1);
  batcher_->expect_service(10us);
  add(1, 2);
  ASSERT_TRUE(batcher_->add(job(3, kNow + 1s)));
  ASSERT_EQ(hand_out(), "0:1,2,3");
  batcher_->take_back(0, {slots_[1], slots_[2]});
  EXPECT_EQ(batcher_->queued(), 2U);
  EXPECT_EQ(hand_out(), "");  // nobody else is there
  EXPECT_TRUE(batcher_->remove(kLink, 2, 1));
  batcher_->on_done(0, slots_[0], 10us);
  EXPECT_EQ(hand_out(kNow + 1s), "");
  EXPECT_EQ(expired_.size(), 1U);
}

TEST_F(BatcherTest, CreditIsTwoAnExecutorOrAMillisecondsWorth) {
  const struct {
    std::size_t executors;
    Duration service;
    std::size_t shards;
    std::uint32_t expected;
  } rows[] = {
      {1, 0ns, 1, 2},   // unknown
      {1, 40ms, 1, 2},  // slow: one at work, one behind it
      {4, 40ms, 1, 8},
      {1, 100us, 1, 10},
      {1, 1us, 1, 64},  // never more
      {2, 1us, 2, 64},  // split
      {1, 40ms, 8, 1},  // at least one each
      {1, 40ms, 0, 2},  // before the first shard
  };
  for (const auto& row : rows) {
    make(row.executors);
    batcher_->expect_service(row.service);
    EXPECT_EQ(batcher_->credit(row.shards), row.expected)
        << row.executors << " executors, " << row.service.count() << " ns, " << row.shards;
  }
}

TEST_F(BatcherTest, TheMeanFollowsTheServiceTimesAndNothingElse) {
  make(1);
  batcher_->expect_service(800us);
  for (int i = 0; i < 3; ++i) {
    add(1, 1);
    ASSERT_EQ(hand_out(), "0:1");
    batcher_->on_done(0, slots_.back(), std::nullopt);  // expired or cancelled: says nothing
  }
  EXPECT_EQ(batcher_->service_mean(), 800us);
  add(1, 1);
  ASSERT_EQ(hand_out(), "0:1");
  batcher_->on_done(0, slots_.back(), 1600us);
  EXPECT_EQ(batcher_->service_mean(), 900us);  // an eighth of the way
  EXPECT_TRUE(batcher_->idle());
}

// Of batches: "0:1+2,3" when 1 and 2 share a run of the engine and 3 has its own.
class BatcherJoins : public BatcherTest {
 protected:
  void make_joining(std::size_t executors, const JoinRules& rules) {
    make(executors);
    batcher_->join_by(rules);
  }
  void add_shaped(RequestId first, RequestId last, std::uint64_t shape = 1) {
    for (RequestId id = first; id <= last; ++id) {
      Job shaped = job(id);
      shaped.shape = shape;
      ASSERT_TRUE(batcher_->add(shaped));
    }
  }
  std::string batches(TimePoint now = kNow) {
    std::string text;
    for (const worker::Run& run : batcher_->hand_out(now, expired_)) {
      text += (text.empty() ? "" : " ") + std::to_string(run.executor) + ":";
      for (std::size_t i = 0; i < run.requests.size(); ++i) {
        const bool joined = i > 0 && run.requests[i].leader == run.requests[i - 1].leader;
        text += (i == 0 ? "" : joined ? "+" : ",") + std::to_string(run.requests[i].job.id);
        slots_.push_back(run.requests[i].slot);
      }
    }
    return text;
  }
};

TEST_F(BatcherJoins, AnIdleExecutorTakesWhatIsThereAndABusyOneOnlyWhatCannotGrow) {
  make_joining(1, {.rows_most = 4});
  batcher_->expect_service(10us);  // cheap: an executor may be refilled while it works
  add_shaped(1, 2);
  EXPECT_EQ(batches(), "0:1+2");
  add_shaped(3, 5);
  EXPECT_EQ(batches(), "") << "a fourth may come";
  add_shaped(6, 7);
  EXPECT_EQ(batches(), "0:3+4+5+6");
  EXPECT_EQ(batcher_->queued(), 1U);
  for (std::size_t i = 0; i < 6; ++i) {
    batcher_->on_done(0, slots_[i], 10us);
  }
  EXPECT_EQ(batches(), "0:7");
}

TEST_F(BatcherJoins, OneExecutorGetsWholeBatchesBeforeTheNextGetsAny) {
  make_joining(2, {.rows_most = 4});
  batcher_->expect_service(10ms);
  add_shaped(1, 3, 1);
  add_shaped(4, 9, 2);
  EXPECT_EQ(batches(), "0:1+2+3 1:4+5+6+7");
  EXPECT_EQ(batcher_->queued(), 2U);
  EXPECT_EQ(batcher_->credit(1), 16U) << "two batches of four for each of two";
}

TEST_F(BatcherJoins, TellsWhenSomebodysWaitForCompanyIsOver) {
  make_joining(1, {.rows_most = 4, .delay = 5ms});
  EXPECT_EQ(batcher_->next_due(), TimePoint::max());
  add_shaped(1, 2);
  EXPECT_EQ(batches(), "");
  EXPECT_EQ(batcher_->next_due(), kNow + 5ms);
  EXPECT_EQ(batches(kNow + 5ms), "0:1+2");
  EXPECT_EQ(batcher_->next_due(), TimePoint::max());
}

TEST_F(BatcherJoins, ASuspectIsNeverJoined) {
  make_joining(1, {.rows_most = 4});
  add_shaped(1, 1);
  Job suspect = job(2);
  suspect.alone = true;
  ASSERT_TRUE(batcher_->add(suspect));
  add_shaped(3, 3);
  EXPECT_EQ(batches(), "0:1");
  batcher_->on_done(0, slots_[0], 1ms);
  EXPECT_EQ(batches(), "0:2");
  batcher_->on_done(0, slots_[1], 1ms);
  EXPECT_EQ(batches(), "0:3");
}

TEST_F(BatcherJoins, ABatchIsAbandonedOnceAllOfItIs) {
  make_joining(1, {.rows_most = 4});
  add_shaped(1, 3);
  ASSERT_EQ(batches(), "0:1+2+3");
  const auto place = [&](RequestId id) { return *batcher_->find(kLink, id, 1); };
  EXPECT_EQ(batcher_->abandon(place(1)), std::nullopt);
  EXPECT_EQ(batcher_->abandon(place(3)), std::nullopt);
  EXPECT_EQ(batcher_->abandon(place(2)), place(1).slot);
}

}  // namespace
}  // namespace sluice::worker
