#include "gateway/route/deadline_heap.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

class Heap : public ::testing::Test {
 protected:
  Request& add(Duration deadline) {
    Request& request = *table_.start();
    request.state = RequestState::queued;
    request.deadline = TimePoint(deadline);
    heap_.push(table_, request);
    return request;
  }
  Duration take() {
    Request& request = table_.at(heap_.earliest_slot());
    const Duration deadline = request.deadline.time_since_epoch();
    heap_.remove(table_, request);
    table_.finish(request);
    return deadline;
  }

  InFlight table_{0, 1, 1'000};  // small enough never to move its requests
  DeadlineHeap heap_;
};

TEST_F(Heap, HasNoDeadlineWhenEmpty) {
  EXPECT_TRUE(heap_.empty());
  EXPECT_EQ(heap_.earliest(), TimePoint::max());
}

TEST_F(Heap, YieldsTheEarliestFirst) {
  for (const Duration deadline : {5s, 1s, 4s, 2s, 3s}) {
    add(deadline);
  }
  for (const Duration deadline : {1s, 2s, 3s, 4s, 5s}) {
    EXPECT_EQ(take(), deadline);
  }
  EXPECT_TRUE(heap_.empty());
}

TEST_F(Heap, LetsAnyRequestGo) {
  add(1s);
  Request& middle = add(2s);
  add(3s);
  heap_.remove(table_, middle);
  EXPECT_EQ(take(), 1s);
  EXPECT_EQ(take(), 3s);
}

TEST_F(Heap, AgreesWithASortedListUnderRandomUse) {
  // NOLINTNEXTLINE(cert-msc51-cpp): a fixed seed on purpose
  std::mt19937 random(7);
  std::vector<Duration> expected;
  std::vector<RequestId> alive;
  for (int step = 0; step < 20'000; ++step) {
    const auto dice = random() % 3;
    if (dice < 2 && alive.size() < 500) {
      const Duration deadline = 1ms * (random() % 1'000);
      alive.push_back(add(deadline).id);
      expected.insert(std::ranges::upper_bound(expected, deadline), deadline);
    } else if (!alive.empty()) {
      const std::size_t at = random() % alive.size();
      Request& request = *table_.find(alive[at]);
      expected.erase(std::ranges::lower_bound(expected, request.deadline.time_since_epoch()));
      heap_.remove(table_, request);
      table_.finish(request);
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(heap_.earliest(), expected.empty() ? TimePoint::max() : TimePoint(expected.front()));
  }
}

}  // namespace
}  // namespace sluice::gateway
