#include "common/actor/supervisor.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::actor {
namespace {

using std::chrono::seconds;

TEST(RestartHistory, AllowsSoManyWithinTheWindow) {
  RestartHistory history({.max_count = 2, .window = seconds(10)});
  const TimePoint start{};
  EXPECT_TRUE(history.may_restart(start));
  EXPECT_TRUE(history.may_restart(start + seconds(1)));
  EXPECT_FALSE(history.may_restart(start + seconds(2)));
  EXPECT_TRUE(history.may_restart(start + seconds(10)));  // the first has left the window
}

TEST(RestartHistory, ZeroMeansNever) {
  EXPECT_FALSE(RestartHistory({}).may_restart(TimePoint{}));
}

TEST(Supervisor, StartsChildrenInOrderEachAfterTheOneBeforeIsReady) {
  Wiring wiring;
  SystemClock clock;
  Loop loop(clock);
  std::string reason = "not called";
  std::atomic<int> started{0};
  std::vector<int> order(2, 0);
  Supervisor supervisor(wiring, loop, [&](const std::string& why) {
    reason = why;
    loop.stop();
  });
  for (int i = 0; i < 2; ++i) {
    supervisor.add({"child" + std::to_string(i), {}, [&, i](const std::function<void()>& ready) {
                      order[static_cast<std::size_t>(i)] = ++started;
                      ready();
                    }});
  }
  supervisor.expect_end();
  supervisor.start();
  while (started < 2) {
    loop.turn(std::chrono::milliseconds(1'000));
  }
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(reason, "");
}

TEST(Supervisor, RestartsAChildUntilItsPolicyIsSpentAndThenEndsWithTheReason) {
  Wiring wiring;
  SystemClock clock;
  Loop loop(clock);
  std::string reason;
  std::atomic<int> lives{0};
  Supervisor supervisor(wiring, loop, [&](const std::string& why) {
    reason = why;
    loop.stop();
  });
  supervisor.add(
      {"fragile", {.max_count = 2, .window = seconds(3'600)}, [&](const std::function<void()>&) {
         ++lives;
         throw std::runtime_error("broke");
       }});
  supervisor.start();
  loop.run();
  EXPECT_EQ(lives, 3);
  EXPECT_EQ(reason, "fragile: broke");
}

}  // namespace
}  // namespace sluice::actor
