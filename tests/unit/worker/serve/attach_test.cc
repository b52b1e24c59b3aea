#include "worker/serve/attach.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using Step = Attach::Step;
using testing::ElementsAre;

constexpr TimePoint at(Duration since_start) {
  return TimePoint(1000s + since_start);
}

// Every step due until it waits.
std::vector<Step> steps(Attach& attach, Duration when) {
  std::vector<Step> taken;
  for (;;) {
    const Step step = attach.step(at(when));
    if (step == Step::wait) {
      return taken;
    }
    taken.push_back(step);
  }
}

Attach attached(Duration interval = 250ms) {
  Attach attach(interval);
  steps(attach, 0ms);
  attach.on_welcome(interval, at(0ms));
  return attach;
}

TEST(Attach, OpensASocketAtOnce) {
  Attach attach(250ms);
  EXPECT_EQ(attach.next_due(), TimePoint::min());
  EXPECT_THAT(steps(attach, 0ms), ElementsAre(Step::open));
  EXPECT_EQ(attach.count(), 1U);
  EXPECT_FALSE(attach.attached());
  EXPECT_EQ(attach.next_due(), at(750ms));
}

TEST(Attach, OpensAnotherAfterThreeIntervalsWithoutAWelcomeForEver) {
  Attach attach(250ms);
  steps(attach, 0ms);
  EXPECT_THAT(steps(attach, 749ms), ElementsAre());
  for (int i = 1; i <= 100; ++i) {
    EXPECT_THAT(steps(attach, i * 750ms), ElementsAre(Step::open)) << i;
  }
  EXPECT_EQ(attach.count(), 101U);
}

TEST(Attach, BeatsEveryIntervalOfTheWelcome) {
  Attach attach(1s);
  steps(attach, 0ms);
  attach.on_welcome(100ms, at(10ms));
  EXPECT_TRUE(attach.attached());
  EXPECT_EQ(attach.next_due(), at(110ms));
  EXPECT_THAT(steps(attach, 109ms), ElementsAre());
  EXPECT_THAT(steps(attach, 110ms), ElementsAre(Step::beat));
  EXPECT_EQ(attach.beats(), 1U);
  attach.on_heard(at(200ms));
  EXPECT_THAT(steps(attach, 215ms), ElementsAre(Step::beat));
  EXPECT_EQ(attach.beats(), 2U);
  EXPECT_EQ(attach.next_due(), at(315ms));
}

TEST(Attach, OpensAnotherSocketAfterThreeSilentIntervals) {
  Attach attach = attached();
  attach.on_heard(at(100ms));
  EXPECT_THAT(steps(attach, 849ms), ElementsAre(Step::beat));
  EXPECT_THAT(steps(attach, 850ms), ElementsAre(Step::open));
  EXPECT_FALSE(attach.attached());
  EXPECT_EQ(attach.count(), 2U);
  attach.on_welcome(250ms, at(860ms));
  EXPECT_TRUE(attach.attached());
  EXPECT_THAT(steps(attach, 1110ms), ElementsAre(Step::beat));
  EXPECT_EQ(attach.beats(), 1U);  // each socket counts from 1
}

TEST(Attach, MissedBeatsOfItsOwnAreNotMadeUp) {
  Attach attach = attached();
  attach.on_heard(at(10s));  // read before the timers ran
  EXPECT_THAT(steps(attach, 10s), ElementsAre(Step::beat));
}

TEST(Attach, AByeMeansAnotherSocketAtOnceButNotMoreThanOneAnInterval) {
  Attach attach = attached();
  attach.on_bye();
  EXPECT_EQ(attach.next_due(), at(250ms));
  EXPECT_THAT(steps(attach, 249ms), ElementsAre());
  EXPECT_THAT(steps(attach, 250ms), ElementsAre(Step::open));

  Attach older = attached();
  older.on_heard(at(5s));
  older.on_bye();
  EXPECT_THAT(steps(older, 5s), ElementsAre(Step::open));
}

TEST(Attach, AByeInsteadOfAWelcomeChangesNothing) {
  Attach attach(250ms);
  steps(attach, 0ms);
  attach.on_bye();
  EXPECT_EQ(attach.next_due(), at(750ms));
}

TEST(Attach, ALateWelcomeOfAClosedSocketIsNotTakenTwice) {
  Attach attach = attached();
  attach.on_welcome(10s, at(50ms));  // a second one
  EXPECT_EQ(attach.interval(), 250ms);
}

}  // namespace
}  // namespace sluice::worker
