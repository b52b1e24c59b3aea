#include "common/base/log.h"

#include <array>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/limits.h"

namespace sluice {
namespace {

// The two ends of a pipe; what the log wrote is read after it has been shut down.
class LogTest : public testing::Test {
 protected:
  LogTest() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~LogTest() override {
    log_shutdown();
    ::close(ends_[0]);
    close_writer();
  }
  LogTest(const LogTest&) = delete;
  LogTest& operator=(const LogTest&) = delete;

  void start(LogLevel level) { log_init({.process = "test", .level = level, .fd = ends_[1]}); }

  std::string written_after_shutdown() {
    log_shutdown();
    close_writer();
    std::string text;
    std::array<char, 4096> chunk{};
    for (ssize_t n = 1; n > 0;) {
      n = ::read(ends_[0], chunk.data(), chunk.size());
      text.append(chunk.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    return text;
  }

 private:
  void close_writer() {
    if (ends_[1] >= 0) {
      ::close(ends_[1]);
      ends_[1] = -1;
    }
  }

  std::array<int, 2> ends_{-1, -1};
};

TEST_F(LogTest, WritesOneLinePerEventFromTheLevelUp) {
  start(LogLevel::info);
  log_debug("hidden");
  log_info("shown", {{"n", 1}});
  log_error("also_shown");
  const std::string text = written_after_shutdown();
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find(" level=info proc=test pid="), std::string::npos);
  EXPECT_NE(text.find(" event=shown n=1\n"), std::string::npos);
  EXPECT_NE(text.find(" event=also_shown\n"), std::string::npos);
}

TEST_F(LogTest, ManyThreadsWriteWholeLines) {
  start(LogLevel::info);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 50; ++i) {
        log_info("line", {{"thread", t}, {"i", i}});
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const std::string text = written_after_shutdown();
  std::size_t lines = 0;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
       at = end + 1) {
    EXPECT_EQ(text.compare(at, 3, "ts="), 0);
    ++lines;
  }
  EXPECT_EQ(lines, 200U);
}

TEST_F(LogTest, AReaderThatStopsReadingBlocksNobodyAndIsCounted) {
  start(LogLevel::info);
  const std::string filler(limits::kLogValueBytes, 'x');
  // A pipe holds 64 KiB: far more than that and than the queue, and nobody reads.
  for (std::size_t i = 0; i < limits::kLogQueueLines + 2'000; ++i) {
    log_info("flood", {{"filler", filler}});
  }
  EXPECT_GT(log_lines_lost(), 0U);
  log_shutdown();
}

TEST(Log, NamesOfLevelsAreReadBack) {
  EXPECT_EQ(log_level_from("warn"), LogLevel::warn);
  EXPECT_EQ(log_level_from("verbose"), std::nullopt);
}

}  // namespace
}  // namespace sluice
