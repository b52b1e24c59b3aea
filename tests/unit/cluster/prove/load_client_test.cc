#include "cluster/prove/load_client.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

InferRequest request() {
  InferRequest request;
  request.model = "m";
  return request;
}

class LoadClientTest : public testing::Test {
 protected:
  LoadClientTest() : endpoint_(*Endpoint::resolve(*parse_url(cluster_.url()))) {}

  // False: not within ten seconds.
  template <class Condition>
  bool turn_until(const Condition& condition) {
    std::vector<pollfd> none;
    const TimePoint end = clock_.now() + seconds(10);
    while (!condition() && clock_.now() < end) {
      client_.turn(clock_.now() + milliseconds(10), none);
    }
    return condition();
  }

  SystemClock clock_;
  test::FakeCluster cluster_{{}};
  Endpoint endpoint_;
  ProbeRequest request_{request(), endpoint_.shown()};
  Ledger ledger_{"m", 2, seconds(30), clock_.now()};
  LoadClient client_{endpoint_, request_, ledger_, {.connections = 4, .deadline = seconds(30)}};
};

TEST_F(LoadClientTest, WhatIsDueIsSentAfterTheStopToo) {
  const TimePoint began = clock_.now();
  client_.run_open(1'000, began);
  client_.stop(began + milliseconds(99));
  EXPECT_TRUE(turn_until([&] { return client_.idle(); }));
  EXPECT_EQ(ledger_.totals().sent, 100U);
  EXPECT_TRUE(ledger_.totals().clean());
}

TEST_F(LoadClientTest, WhatIsCutWasNeverSentAndWhatWasSentIsNotLost) {
  const TimePoint began = clock_.now();
  client_.run_open(1e6, began);  // more than four connections can do
  EXPECT_TRUE(turn_until([&] { return ledger_.totals().sent >= 100; }));
  client_.stop(began + seconds(1));
  EXPECT_TRUE(turn_until([&] { return clock_.now() >= began + seconds(1); }));
  EXPECT_FALSE(client_.idle());
  client_.cut(clock_.now());
  EXPECT_TRUE(turn_until([&] { return client_.idle(); }));
  const Totals& totals = ledger_.totals();
  EXPECT_EQ(totals.lost, 0U);
  EXPECT_EQ(totals.ok, totals.sent);
  EXPECT_EQ(totals.sent + totals.unsent, 1'000'001U);
  EXPECT_FALSE(totals.clean());
}

TEST_F(LoadClientTest, WhatHasNoAnswerWhenItIsGivenUpIsLost) {
  client_.run_closed(clock_.now());
  EXPECT_TRUE(turn_until([&] { return ledger_.totals().outstanding() > 0; }));
  client_.give_up(clock_.now());
  EXPECT_TRUE(client_.idle());
  EXPECT_EQ(ledger_.totals().outstanding(), 0U);
  EXPECT_GT(ledger_.totals().lost, 0U);
}

}  // namespace
}  // namespace sluice::cluster
