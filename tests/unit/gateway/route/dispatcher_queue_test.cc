// Priorities and queue policies, on a worker that takes one request at a time.

#include "tests/unit/gateway/route/dispatcher_fixture.h"

namespace sluice::gateway {
namespace {

class Priorities : public DispatcherTest {
 protected:
  Priorities() {
    rules_ = {.levels = 3, .default_level = 2};
    attach(0, 1);
    EXPECT_EQ(ask(), 0);  // the worker has it; all others wait
    static_cast<void>(texts());
  }
  int ask_at(std::uint32_t priority, std::optional<Duration> wish = {}) {
    priority_ = priority;
    wish_ = wish;
    const int request = ask();
    priority_ = 0;
    wish_.reset();
    return request;
  }
  // The worker answers `count` requests, one after the other; what it is given then.
  Texts serve(std::size_t first, std::size_t count) {
    Texts sent;
    std::size_t request = first;
    for (std::size_t i = 0; i < count; ++i) {
      result(0, request);
      for (const std::string& text : texts()) {
        if (text.starts_with("send w0 r")) {
          request = static_cast<std::size_t>(std::stoi(text.substr(9)));
          sent.push_back(text.substr(8));
        }
      }
    }
    return sent;
  }
  void set(const QueueRules& rules) {
    rules_ = rules;
    route();
  }
};

TEST_F(Priorities, TheHighestGoesFirstThenTheOldest) {
  for (const std::uint32_t priority : {3U, 2U, 1U, 0U, 9U, 1U, 3U}) {
    EXPECT_GE(ask_at(priority), 0);
  }
  EXPECT_EQ(serve(0, 7), (Texts{"r3/1", "r6/1", "r2/1", "r4/1", "r5/1", "r1/1", "r7/1"}));
}

TEST_F(Priorities, AreNoneWithoutLevels) {
  set({});
  for (const std::uint32_t priority : {3U, 2U, 1U}) {
    EXPECT_GE(ask_at(priority), 0);
  }
  EXPECT_EQ(serve(0, 3), (Texts{"r1/1", "r2/1", "r3/1"}));
}

TEST_F(Priorities, HoldBetweenRequestsThatNameAVersionAndThoseThatDoNot) {
  EXPECT_EQ(ask_at(3), 1);
  priority_ = 1;
  EXPECT_EQ(ask(30 * kSecond, 1), 2);
  EXPECT_EQ(serve(0, 2), (Texts{"r2/1", "r1/1"}));
}

TEST_F(Priorities, ARequestThatComesBackKeepsItsPlace) {
  EXPECT_EQ(ask_at(1), 1);
  EXPECT_EQ(ask_at(2), 2);
  failure(0, 0, ErrorCode::unavailable);  // of the default level, and older than 2
  static_cast<void>(texts());
  beat(0, 1);
  EXPECT_EQ(texts(), Texts{"send w0 r1/1"});
  EXPECT_EQ(serve(1, 2), (Texts{"r0/2", "r2/1"}));
}

TEST_F(Priorities, ChangedRulesAreOfWhatComesFromThenOn) {
  EXPECT_EQ(ask_at(3), 1);
  set({.levels = 1, .default_level = 1});
  EXPECT_EQ(ask_at(3), 2);
  set({});
  EXPECT_EQ(ask_at(3), 3);
  EXPECT_EQ(serve(0, 3), (Texts{"r3/1", "r2/1", "r1/1"}));
}

TEST_F(Priorities, EachLevelIsBoundedByItsOwnSize) {
  set({.levels = 2,
       .default_level = 2,
       .policy = {.max_queue_size = 2},
       .of_level = {{1, {.max_queue_size = 1}}}});
  EXPECT_EQ(ask_at(1), 1);
  EXPECT_EQ(ask_at(1), -1);
  EXPECT_EQ(refusal_,
            (Error{ErrorCode::resource_exhausted,
                   "the queue of model 'digits' at priority 1 is full: 1 requests wait"}));
  EXPECT_EQ(ask_at(2), 2);
  EXPECT_EQ(ask_at(2), 3);
  EXPECT_EQ(ask_at(2), -1);
  EXPECT_EQ(core_.counters().queue_full, 2U);
  EXPECT_EQ(serve(0, 1), Texts{"r1/1"});
  EXPECT_EQ(ask_at(1), 4);
}

TEST_F(Priorities, WithoutLevelsTheDefaultPolicyBoundsAll) {
  set({.policy = {.max_queue_size = 1}});
  EXPECT_EQ(ask_at(1), 1);
  EXPECT_EQ(ask_at(2), -1);
  EXPECT_EQ(refusal_,
            (Error{ErrorCode::resource_exhausted,
                   "the queue of model 'digits' is full: 1 requests wait"}));
}

TEST_F(Priorities, AWaitThatIsTooLongIsRefused) {
  set({.policy = {.default_timeout = 100 * kMs}});
  EXPECT_EQ(ask(), 1);
  pass(99 * kMs);
  EXPECT_EQ(texts(), Texts{});
  pass(kMs);
  EXPECT_EQ(texts(), Texts{"answer r1 unavailable"});
  EXPECT_EQ(core_.counters().queue_timeouts, 1U);
  EXPECT_EQ(core_.counters().expired, 0U);
  beat(0, 1);
  pass(kSecond / 2);
  EXPECT_EQ(texts(), Texts{}) << "what the worker has does not wait";
  result(0, 0);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
  EXPECT_TRUE(core_.idle());
}

TEST_F(Priorities, ADeadlineWithinTheWaitCountsFirst) {
  set({.policy = {.default_timeout = 100 * kMs}});
  EXPECT_EQ(ask(50 * kMs), 1);
  pass(50 * kMs);
  EXPECT_EQ(texts(), Texts{"answer r1 deadline_exceeded"});
}

TEST_F(Priorities, ADelayedRequestGoesBehindThoseOfItsLevelAndHigher) {
  const link::QueuePolicy delay{.default_timeout = 100 * kMs, .delay_on_timeout = true};
  set({.levels = 3, .default_level = 2, .policy = delay, .of_level = {{3, {}}}});
  EXPECT_EQ(ask_at(2), 1);
  EXPECT_EQ(ask_at(3), 2);
  pass(100 * kMs);
  EXPECT_EQ(core_.counters().queue_timeouts, 1U);
  EXPECT_EQ(ask_at(2), 3);
  EXPECT_EQ(ask_at(1), 4);
  EXPECT_EQ(serve(0, 4), (Texts{"r4/1", "r3/1", "r1/1", "r2/1"}));
}

TEST_F(Priorities, ADelayedRequestStillHasItsDeadline) {
  set({.policy = {.default_timeout = 100 * kMs, .delay_on_timeout = true}});
  EXPECT_EQ(ask(300 * kMs), 1);
  pass(299 * kMs);
  EXPECT_EQ(texts(), Texts{});
  pass(kMs);
  EXPECT_EQ(texts(), Texts{"answer r1 deadline_exceeded"});
}

TEST_F(Priorities, ARequestMayAskForAShorterWaitWhereThatIsAllowed) {
  set({.policy = {.default_timeout = 100 * kMs, .allow_timeout_override = true}});
  EXPECT_EQ(ask_at(0, 20 * kMs), 1);
  EXPECT_EQ(ask_at(0, kSecond), 2);
  pass(20 * kMs);
  EXPECT_EQ(texts(), Texts{"answer r1 unavailable"});
  pass(80 * kMs);
  EXPECT_EQ(texts(), Texts{"answer r2 unavailable"});
}

TEST_F(Priorities, AWaitAfterAWorkersDeathIsNotCounted) {
  set({.policy = {.default_timeout = 100 * kMs}});
  EXPECT_EQ(ask(), 1);
  result(0, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w0 r1/1"}));
  died("worker0", {1});
  pass(kSecond);
  EXPECT_EQ(texts(), Texts{"close w0"});
  attach(1, 1);
  EXPECT_EQ(texts(), Texts{"send w1 r1/2 alone"});
}

}  // namespace
}  // namespace sluice::gateway
