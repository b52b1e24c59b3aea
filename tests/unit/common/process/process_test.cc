// Spawn, reap and lifeline with real children: /bin/sh and a fork of the test.

#include <csignal>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process/file_limit.h"
#include "common/process/lifeline.h"
#include "common/process/lines.h"
#include "common/process/quiet_start.h"
#include "common/process/spawn.h"

namespace sluice {
namespace {

// Waits for the kernel, not for time: the pidfd becomes readable at the child's end.
std::optional<ProcessExit> wait_for(const Child& child) {
  pollfd end{.fd = child.pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, 20'000) == 1 ? reap(child) : std::nullopt;
}

Result<Child> shell(const std::string& script) {
  SpawnSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", script};
  return spawn(spec);
}

TEST(FileLimit, the_soft_limit_is_raised_to_the_hard_one) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit before = files;
  files.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(raise_file_limit(), before.rlim_max == RLIM_INFINITY ? UINT64_MAX : before.rlim_max);
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(files.rlim_cur, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Spawn, an_exit_code_and_a_signal_come_back_in_words) {
  const auto exits = shell("exit 3");
  ASSERT_TRUE(exits) << exits.error().detail;
  EXPECT_EQ(describe(*wait_for(*exits)), "exit code 3");
  const auto aborts = shell("kill -ABRT $$");
  ASSERT_TRUE(aborts);
  EXPECT_EQ(describe(*wait_for(*aborts)), "killed by signal 6 (SIGABRT)");
}

TEST(Spawn, a_running_child_is_not_reaped_and_hears_signals) {
  const auto child = shell("exec sleep 600");
  ASSERT_TRUE(child);
  EXPECT_EQ(reap(*child), std::nullopt);
  EXPECT_TRUE(send_signal(*child, SIGKILL));
  EXPECT_EQ(wait_for(*child), (ProcessExit{.code = 0, .signal = SIGKILL}));
  EXPECT_FALSE(send_signal(*child, SIGKILL));
}

TEST(Spawn, a_program_that_is_not_there_is_an_error_with_its_name) {
  SpawnSpec spec;
  spec.program = "/nonexistent/sluice";
  const auto child = spawn(spec);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().detail, "cannot start /nonexistent/sluice: No such file or directory");
}

TEST(Spawn, the_child_gets_the_kept_descriptors_the_environment_and_its_stderr_alone) {
  auto kept = *make_line_pipe();
  auto hidden = *make_line_pipe();
  auto output = *make_line_pipe();
  SpawnSpec spec;
  spec.program = "/bin/sh";
  const std::string fd = std::to_string(kept.writer.get());
  spec.arguments = {"-c",
                    "echo $SLUICE_TEST_COLOUR >&" + fd + "; echo oops >&2; [ ! -e /proc/self/fd/" +
                        std::to_string(hidden.writer.get()) + " ]"};
  spec.environment = {"SLUICE_TEST_COLOUR=blue"};
  spec.keep = {kept.writer.get()};
  spec.error_output = output.writer.get();
  const auto child = spawn(spec);
  ASSERT_TRUE(child) << child.error().detail;
  EXPECT_EQ(wait_for(*child), ProcessExit{});
  const auto line_of = [](int reader) {
    std::string all;
    LineReader().read(reader, [&](std::string_view line) { all += line; });
    return all;
  };
  EXPECT_EQ(line_of(kept.reader.get()), "blue");
  EXPECT_EQ(line_of(output.reader.get()), "oops");
}

TEST(QuietStart, AChildThatStartsQuietlyComesBackBeforeItGoesOn) {
  if (!quiet_can_end()) {
    GTEST_SKIP() << "needs CAP_SYS_NICE or RLIMIT_NICE";
  }
  EXPECT_EQ(::sched_getscheduler(0), SCHED_OTHER);
  const auto quiet_start = *make_quiet_start();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool ended = end_quiet_start(quiet_start.get()).has_value();
    ::_exit(ended ? ::sched_getscheduler(0) : 99);
  }
  start_quietly(quiet_start.get(), pid);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), SCHED_OTHER);
}

TEST(QuietStart, AParentEndsOneThatTakesTooLong) {
  if (!quiet_can_end()) {
    GTEST_SKIP() << "needs CAP_SYS_NICE or RLIMIT_NICE";
  }
  const auto quiet_start = *make_quiet_start();
  const auto child = shell("exec sleep 600");
  ASSERT_TRUE(child);
  start_quietly(quiet_start.get(), child->pid);
  EXPECT_EQ(::sched_getscheduler(child->pid), SCHED_IDLE);
  end_quiet_start_of(child->pid);
  EXPECT_EQ(::sched_getscheduler(child->pid), SCHED_OTHER);
  EXPECT_TRUE(send_signal(*child, SIGKILL));
  EXPECT_EQ(wait_for(*child), (ProcessExit{.code = 0, .signal = SIGKILL}));
}

TEST(QuietStart, IsNotForThoseThatRunByAnotherPolicy) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const sched_param none{};
    ::_exit(::sched_setscheduler(0, SCHED_BATCH, &none) == 0 && !quiet_can_end() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(QuietStart, WhatIsNoDescriptorIsRefused) {
  EXPECT_EQ(end_quiet_start(1'000'000).error().detail,
            "descriptor 1000000 of the quiet start: Bad file descriptor");
}

// A child that holds its lifeline, says so, and then sleeps for good.
pid_t fork_holder(const LifelinePipe& lifeline, const LinePipe& said) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(lifeline.keep.get());
    write_line(said.writer.get(), hold_lifeline(lifeline.give.get()) ? "held" : "refused");
    while (true) {
      ::pause();
    }
  }
  return pid;
}

class Lifeline : public testing::TestWithParam<bool> {};

TEST_P(Lifeline, its_end_ends_the_child_even_a_stopped_one) {
  auto lifeline = *make_lifeline();
  const auto said = *make_line_pipe();
  const pid_t pid = fork_holder(lifeline, said);
  ASSERT_GT(pid, 0);
  pollfd ready{.fd = said.reader.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ready, 1, 20'000), 1);
  if (GetParam()) {
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, WUNTRACED), pid);
    ASSERT_TRUE(WIFSTOPPED(status));
  }
  lifeline.give.reset();
  lifeline.keep.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

INSTANTIATE_TEST_SUITE_P(running_and_stopped, Lifeline, testing::Bool());

TEST(LifelineTest, its_end_ends_a_child_that_never_took_hold) {
  auto lifeline = *make_lifeline();
  SpawnSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", "exec sleep 600"};
  spec.keep = {lifeline.give.get()};
  const auto child = spawn(spec);
  ASSERT_TRUE(child) << child.error().detail;
  ASSERT_TRUE(guard_with_lifeline(lifeline.give.get(), child->pid));
  ASSERT_TRUE(send_signal(*child, SIGSTOP));
  lifeline.give.reset();
  EXPECT_EQ(reap(*child), std::nullopt);
  lifeline.keep.reset();
  EXPECT_EQ(wait_for(*child), (ProcessExit{.code = 0, .signal = SIGKILL}));
}

TEST(LifelineTest, a_parent_that_is_gone_before_the_child_holds_it_ends_the_child) {
  auto lifeline = *make_lifeline();
  const pid_t pid = ::fork();
  if (pid == 0) {
    lifeline.keep.reset();
    // The only other write end is the test's, closed below: wait for that, then take hold.
    pollfd end{.fd = lifeline.give.get(), .events = POLLIN, .revents = 0};
    ::poll(&end, 1, -1);
    static_cast<void>(hold_lifeline(lifeline.give.get()));
    ::_exit(42);
  }
  lifeline.keep.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

TEST(LifelineTest, a_descriptor_that_is_no_pipe_is_refused) {
  EXPECT_EQ(hold_lifeline(-1).error().code, ErrorCode::invalid_argument);
  const int memory = ::memfd_create("test", 0);
  EXPECT_EQ(hold_lifeline(memory).error().code, ErrorCode::invalid_argument);
  ::close(memory);
}

}  // namespace
}  // namespace sluice
