#include "common/base/log.h"

#include <atomic>
#include <cerrno>
#include <memory>

#include <poll.h>
#include <signal.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <time.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice {

namespace {

constexpr int kStallMs = 1'000;

// One write(2) for each line: a line is shorter than PIPE_BUF, so processes that share a pipe do
// not mix their lines, and a pipe that poll() calls writable takes it without blocking.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    pollfd target{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&target, 1, stalled_ ? 0 : kStallMs);
    stalled_ = ready == 0;
    if (stalled_) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    while (::write(fd_, message.payload.data(), message.payload.size()) < 0 && errno == EINTR) {
    }
  }
  void flush_() override {}

 private:
  const int fd_;
  bool stalled_ = false;
  std::atomic<std::uint64_t> lost_{0};
};

// Everything of a running log. Made by log_init, seen by every thread, never moved.
struct RunningLog {
  std::string process;
  std::shared_ptr<FdSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

// The one global of the process besides the metrics: a log that must be handed to every function
// would be worse.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above.
constinit std::atomic<RunningLog*> g_running{nullptr};
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above.
constinit std::atomic<LogLevel> g_level{LogLevel::info};

// Signals are for the loops that wait for them.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::int64_t unix_us_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

void log_init(const LogOptions& options) {
  SLUICE_CHECK(g_running.load() == nullptr);
  g_level.store(options.level);
  auto running = std::make_unique<RunningLog>();
  running->process = "proc=";
  append_log_text(running->process, options.process);
  running->process += " pid=" + std::to_string(::getpid());
  running->sink = std::make_shared<FdSink>(options.fd);
  running->pool = std::make_shared<spdlog::details::thread_pool>(
      limits::kLogQueueLines, 1, [] { block_signals(); });
  running->logger = std::make_shared<spdlog::async_logger>(
      "sluice", running->sink, running->pool, spdlog::async_overflow_policy::overrun_oldest);
  running->logger->set_level(spdlog::level::trace);  // ours is checked before a line is made
  g_running.store(running.release(), std::memory_order_release);
}

void log_shutdown() {
  const std::unique_ptr<RunningLog> running(g_running.exchange(nullptr, std::memory_order_acq_rel));
  if (running != nullptr) {
    running->pool.reset();  // joins the thread, which first writes all that is queued
  }
}

std::optional<LogLevel> log_level_from(std::string_view name) noexcept {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
    if (name == name_of(level)) {
      return level;
    }
  }
  return std::nullopt;
}

bool log_enabled(LogLevel level) noexcept {
  return level >= g_level.load(std::memory_order_relaxed);
}

std::uint64_t log_lines_lost() noexcept {
  const RunningLog* running = g_running.load(std::memory_order_acquire);
  return running == nullptr ? 0 : running->pool->overrun_counter() + running->sink->lost();
}

void log_at(LogLevel level, std::string_view event, LogFields fields) {
  if (!log_enabled(level)) {
    return;
  }
  RunningLog* running = g_running.load(std::memory_order_acquire);
  const std::string_view process = running == nullptr ? std::string_view() : running->process;
  std::string line = format_log_line(unix_us_now(), level, process, event, fields);
  line += '\n';
  if (running != nullptr) {
    running->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    return;
  }
  while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

void log_debug(std::string_view event, LogFields fields) {
  log_at(LogLevel::debug, event, fields);
}
void log_info(std::string_view event, LogFields fields) {
  log_at(LogLevel::info, event, fields);
}
void log_warn(std::string_view event, LogFields fields) {
  log_at(LogLevel::warn, event, fields);
}
void log_error(std::string_view event, LogFields fields) {
  log_at(LogLevel::error, event, fields);
}

}  // namespace sluice
