#include "common/actor/thread.h"

#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::actor {
namespace {

TEST(Thread, IsJoinedWhenItsOwnerGoes) {
  bool ran = false;
  {
    const Thread thread("test", [&ran] { ran = true; });
  }
  EXPECT_TRUE(ran);
}

[[noreturn]] void end_with_a_thread_that_waits() {
  std::promise<void> never;
  Thread thread("test", [&never] { never.get_future().wait(); });
  thread.abandon();
  ::_exit(0);
}

[[noreturn]] void end_with_a_thread_that_ended() {
  std::promise<pid_t> running;
  Thread thread("test", [&running] { running.set_value(::gettid()); });
  const std::string task = "/proc/self/task/" + std::to_string(running.get_future().get());
  while (::access(task.c_str(), F_OK) == 0) {
    std::this_thread::yield();
  }
  thread.abandon();
  ::_exit(0);
}

TEST(ThreadDeathTest, AnAbandonedOneDoesNotHoldUpTheEndOfTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(end_with_a_thread_that_waits(), testing::ExitedWithCode(0), "");
  // The thread sanitizer reports one that ended and that nobody joined or abandoned, with another
  // exit code.
  EXPECT_EXIT(end_with_a_thread_that_ended(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sluice::actor
