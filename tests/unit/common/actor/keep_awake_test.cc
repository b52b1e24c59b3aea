#include "common/actor/keep_awake.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::actor {
namespace {

using std::chrono::microseconds;

// A clock that a test sets and the thread reads.
class HandClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(Duration(at_)); }
  void set(Duration at) { at_ = at.count(); }

 private:
  std::atomic<Duration::rep> at_{1};
};

// Until then the test waits: what does not come true hangs it, and CTest says so.
void wait_for(const KeepAwake& thread, bool asleep) {
  while (thread.asleep() != asleep) {
    std::this_thread::yield();
  }
}

class KeepAwakeTest : public testing::Test {
 protected:
  // The second of two requests at this time.
  void touch_at(Duration at) {
    clock.set(at);
    thread.touch(clock.now());
    thread.touch(clock.now());
  }

  HandClock clock;
  KeepAwake thread{microseconds(300), clock};
};

TEST_F(KeepAwakeTest, turns_until_the_span_after_the_latest_request_is_over) {
  wait_for(thread, true);
  touch_at(microseconds(2'000));
  EXPECT_FALSE(thread.asleep());
  clock.set(microseconds(2'299));
  thread.touch(TimePoint(microseconds(2'100)));
  clock.set(microseconds(2'399));
  EXPECT_FALSE(thread.asleep());
  clock.set(microseconds(2'400));
  wait_for(thread, true);
  thread.touch(clock.now());
  EXPECT_FALSE(thread.asleep());
}

TEST_F(KeepAwakeTest, a_request_after_a_lull_does_not_wake_it) {
  touch_at(microseconds(2'000));
  clock.set(microseconds(2'300));
  wait_for(thread, true);
  thread.touch(TimePoint(microseconds(3'201)));
  EXPECT_TRUE(thread.asleep());
  thread.touch(TimePoint(microseconds(4'401)));
  EXPECT_FALSE(thread.asleep());
}

// A round takes 0.1 s where others want all cores: the thread has what they leave.
TEST_F(KeepAwakeTest, is_woken_by_every_touch_that_finds_it_asleep) {
  for (int round = 1; round <= 100; ++round) {
    touch_at(microseconds(2'000 * round));
    clock.set(microseconds(2'000 * round + 300));
    wait_for(thread, true);
  }
}

// Those of a killed process are open until all its threads have had a core once more.
TEST_F(KeepAwakeTest, holds_no_descriptor_but_the_standard_ones) {
  wait_for(thread, true);
  int threads = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name != "keep_awake") {
      continue;
    }
    ++threads;
    std::error_code gone;  // the thread of the test before, which is joined and still ends
    for (const auto& descriptor : std::filesystem::directory_iterator(task.path() / "fd", gone)) {
      EXPECT_LE(std::stoi(descriptor.path().filename()), STDERR_FILENO);
    }
  }
  EXPECT_GE(threads, 1);
}

TEST_F(KeepAwakeTest, ends_while_it_sleeps) {
  wait_for(thread, true);
}

TEST_F(KeepAwakeTest, ends_while_it_turns) {
  wait_for(thread, true);  // until then it may be on its way to sleep
  touch_at(microseconds(2'000));
  EXPECT_FALSE(thread.asleep());
}

}  // namespace
}  // namespace sluice::actor
