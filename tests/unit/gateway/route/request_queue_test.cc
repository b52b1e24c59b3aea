#include "gateway/route/request_queue.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

class Queue : public ::testing::Test {
 protected:
  Request& put(std::uint32_t version, std::size_t bytes = 1) {
    Request& request = *table_.start();
    request.version = version;
    request.bytes = bytes;
    queue_.put(table_, request);
    return request;
  }
  std::uint64_t front_order(std::uint32_t version) {
    return table_.at(queue_.front(version)).order;
  }

  InFlight table_{0, 1, 100};  // small enough never to move its requests
  RequestQueue queue_{3, 100};
};

TEST_F(Queue, HasRoomUpToItsCount) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(queue_.has_room(1));
    put(kNone);
  }
  EXPECT_FALSE(queue_.has_room(1));
  EXPECT_EQ(queue_.count(), 3U);
}

TEST_F(Queue, HasRoomUpToItsBytes) {
  EXPECT_TRUE(queue_.has_room(100));
  EXPECT_FALSE(queue_.has_room(101));
  EXPECT_FALSE(queue_.has_room(SIZE_MAX));
  put(kNone, 60);
  EXPECT_TRUE(queue_.has_room(40));
  EXPECT_FALSE(queue_.has_room(41));
  EXPECT_EQ(queue_.bytes(), 60U);
}

TEST_F(Queue, CountsAllLanesTogether) {
  Request& any = put(kNone);
  put(0);
  put(2);
  EXPECT_FALSE(queue_.has_room(1));
  queue_.remove(table_, any);
  EXPECT_TRUE(queue_.has_room(1));
}

TEST_F(Queue, IsFirstInFirstOutInEachLane) {
  put(kNone);                 // 0
  put(1);                     // 1
  Request& any = put(kNone);  // 2
  EXPECT_EQ(front_order(kNone), 0U);
  EXPECT_EQ(front_order(1), 1U);
  EXPECT_EQ(queue_.front(0), kNone);
  EXPECT_EQ(queue_.front(7), kNone);
  queue_.remove(table_, table_.at(queue_.front(kNone)));
  EXPECT_EQ(front_order(kNone), any.order);
}

TEST_F(Queue, TakesAReturnedRequestIntoItsOldPlaceBeyondTheBound) {
  Request& first = put(kNone);
  queue_.remove(table_, first);
  first.attempt = 1;
  for (int i = 0; i < 3; ++i) {
    put(kNone);
  }
  queue_.put(table_, first);
  EXPECT_EQ(queue_.count(), 4U);
  EXPECT_EQ(front_order(kNone), first.order);
  EXPECT_FALSE(queue_.has_room(0));
}

TEST_F(Queue, KeepsSuspectsApart) {
  Request& suspect = put(kNone);
  queue_.remove(table_, suspect);
  suspect.attempt = 1;
  suspect.suspect = true;
  queue_.put(table_, suspect);
  EXPECT_EQ(queue_.front(kNone), kNone);
  EXPECT_EQ(table_.at(queue_.front_suspect()).id, suspect.id);
  queue_.remove(table_, suspect);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.front_suspect(), kNone);
}

}  // namespace
}  // namespace sluice::gateway
