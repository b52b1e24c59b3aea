#include "worker/threads/progress.h"

#include <atomic>
#include <climits>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

namespace sluice::engine {
namespace {

TEST(Progress, is_not_waited_for_when_it_has_changed) {
  Progress progress;
  EXPECT_EQ(progress.now(), 0U);
  progress.raise(3, 1);
  EXPECT_EQ(progress.now(), 3U);
  progress.wait_while(0);
  progress.wait_while(2);
}

// Both threads sleep now and then, or look, as it happens: neither may miss the other's turn.
TEST(Progress, is_handed_to_and_fro) {
  constexpr std::uint32_t kTurns = 20'000;
  Progress ping;
  Progress pong;
  std::uint64_t shared = 0;
  std::thread other([&] {
    for (std::uint32_t turn = 0; turn < kTurns; ++turn) {
      ping.wait_while(turn);
      ++shared;
      pong.raise(1, 1);
    }
  });
  for (std::uint32_t turn = 0; turn < kTurns; ++turn) {
    ++shared;
    ping.raise(1, 1);
    pong.wait_while(turn);
  }
  other.join();
  EXPECT_EQ(shared, 2U * kTurns);
}

TEST(Progress, wakes_everyone_who_has_fallen_asleep) {
  Progress progress;
  std::atomic<int> woken = 0;
  std::vector<std::thread> sleepers;
  for (int i = 0; i < 3; ++i) {
    sleepers.emplace_back([&, i] {
      if (i == 0) {
        progress.sleep_while(0);
      } else {
        progress.wait_while(0);
      }
      ++woken;
    });
  }
  ::poll(nullptr, 0, 5);  // long enough to fall asleep; right too when they have not
  EXPECT_EQ(woken, 0);
  progress.raise(1, INT_MAX);
  for (std::thread& sleeper : sleepers) {
    sleeper.join();
  }
  EXPECT_EQ(woken, 3);
}

}  // namespace
}  // namespace sluice::engine
