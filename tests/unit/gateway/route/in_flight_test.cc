#include "gateway/route/in_flight.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/route/request_id.h"

namespace sluice::gateway {
namespace {

TEST(InFlight, GivesIdsWithTheShardOnTopAndADenseSlot) {
  InFlight table(5, 1, 100);
  for (std::size_t slot = 0; slot < 100; ++slot) {
    Request* request = table.start();
    ASSERT_NE(request, nullptr);
    request->state = RequestState::queued;
    EXPECT_EQ(request->id >> 56, 5U);
    EXPECT_EQ(slot_of(request->id), slot);
  }
  EXPECT_EQ(table.start(), nullptr);
  EXPECT_EQ(table.alive(), 100U);
}

TEST(InFlight, NeverGivesAnIdTwice) {
  InFlight table(0, 1, 4);
  std::set<RequestId> seen;
  for (int i = 0; i < 1'000; ++i) {
    Request* request = table.start();
    request->state = RequestState::queued;
    EXPECT_TRUE(seen.insert(request->id).second);
    EXPECT_EQ(slot_of(request->id), 0U);
    table.finish(*request);
  }
}

TEST(InFlight, FindsOnlyRequestsThatAreAlive) {
  InFlight table(0, 1, 4);
  Request* request = table.start();
  const RequestId id = request->id;
  request->state = RequestState::queued;
  EXPECT_EQ(table.find(id), request);
  EXPECT_EQ(table.find(id ^ (RequestId{1} << 30)), nullptr);  // another generation
  EXPECT_EQ(table.find(id + 1), nullptr);                     // a slot that never was
  EXPECT_EQ(table.find(id | (RequestId{9} << 56)), nullptr);  // another shard
  table.finish(*request);
  EXPECT_EQ(table.find(id), nullptr);
  table.start()->state = RequestState::queued;
  EXPECT_EQ(table.find(id), nullptr);
}

TEST(InFlight, StartsElsewhereForAnotherSeed) {
  InFlight first(0, 1, 1);
  InFlight second(0, 2, 1);
  EXPECT_NE(first.start()->id, second.start()->id);
}

class Lists : public ::testing::Test {
 protected:
  Request& add() {
    Request& request = *table_.start();
    request.state = RequestState::queued;
    return request;
  }
  std::vector<std::uint64_t> orders() {
    std::vector<std::uint64_t> result;
    for (std::uint32_t slot = list_.front(); slot != kNone; slot = table_.at(slot).next) {
      result.push_back(table_.at(slot).order);
    }
    return result;
  }

  InFlight table_{0, 1, 100};
  RequestList list_;
};

TEST_F(Lists, KeepTheOrderOfArrival) {
  for (int i = 0; i < 4; ++i) {
    list_.push_back(table_, add());
  }
  EXPECT_EQ(orders(), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(list_.size(), 4U);
}

TEST_F(Lists, LetAnyElementGo) {
  for (int i = 0; i < 4; ++i) {
    list_.push_back(table_, add());
  }
  list_.remove(table_, table_.at(0));
  list_.remove(table_, table_.at(2));
  EXPECT_EQ(orders(), (std::vector<std::uint64_t>{1, 3}));
  list_.remove(table_, table_.at(3));
  list_.remove(table_, table_.at(1));
  EXPECT_TRUE(list_.empty());
  EXPECT_EQ(list_.size(), 0U);
}

TEST_F(Lists, PutAReturnedRequestInItsOldPlace) {
  for (int i = 0; i < 5; ++i) {
    add();
  }
  for (const std::uint32_t slot : {1U, 3U}) {
    list_.push_back(table_, table_.at(slot));
  }
  for (const std::uint32_t slot : {2U, 0U, 4U}) {
    list_.insert_in_order(table_, table_.at(slot));
  }
  EXPECT_EQ(orders(), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
}

TEST_F(Lists, PutEachWhereItsOrderSaysFromEitherEnd) {
  for (const std::uint64_t order : {50U, 10U, 70U, 60U, 20U, 30U, 65U}) {
    Request& request = add();
    request.order = order;
    list_.insert_in_order(table_, request);
  }
  EXPECT_EQ(orders(), (std::vector<std::uint64_t>{10, 20, 30, 50, 60, 65, 70}));
  while (!list_.empty()) {
    list_.remove(table_, table_.at(list_.front()));
  }
  list_.insert_in_order(table_, table_.at(2));
  EXPECT_EQ(orders(), std::vector<std::uint64_t>{70});
}

}  // namespace
}  // namespace sluice::gateway
