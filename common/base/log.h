// The log: one structured line per event on stderr, `log_info("worker_ready", {{"worker", id}})`.
//
// Never blocks the caller: after log_init() lines go through a bounded queue to a thread of their
// own, and when that is full the oldest line is dropped and counted. Before log_init() and after
// log_shutdown() a line is written at once, so that command-line tools and early failures need
// nothing. Thread-safe. An error is logged once, where it is handled.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/log_line.h"

namespace sluice {

struct LogOptions {
  std::string process;              // "gateway", "node", "worker digits/1": a field of each line
  LogLevel level = LogLevel::info;  // lines below it are not made
  int fd = 2;                       // where lines go; stays the caller's
};

// Starts the log's thread. Once per process, by main, before other threads.
void log_init(const LogOptions& options);

// Writes what is queued and ends the thread; by main, once the other threads have ended. A reader
// of stderr that has stopped reading is waited for at most one second, once.
void log_shutdown();

// "debug", "info", "warn" or "error".
std::optional<LogLevel> log_level_from(std::string_view name) noexcept;
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

// Lines dropped since log_init(): the queue was full, or nobody read stderr.
std::uint64_t log_lines_lost() noexcept;

// `event` is a literal of ours in lower case and underscores.
void log_at(LogLevel level, std::string_view event, LogFields fields = {});
void log_debug(std::string_view event, LogFields fields = {});
void log_info(std::string_view event, LogFields fields = {});
void log_warn(std::string_view event, LogFields fields = {});
void log_error(std::string_view event, LogFields fields = {});

}  // namespace sluice
