// The subcommands of `sluice`: one function each, in a file of its own, listed in commands.cc.
//
// To add one: write cluster/cli/NAME_command.cc with its add function, declare it here, add it to
// the list in commands.cc and to CMakeLists.txt. CLI11 stays inside cluster/cli.

#pragma once

#include <string>

#include "common/base/result.h"

// NOLINTNEXTLINE(readability-identifier-naming): named by CLI11.
namespace CLI {
class App;
}  // namespace CLI

namespace sluice::cluster {

// What the process will return. A command's callback sets it; 0 success, 1 the command's own
// failure, 2 wrong usage.
struct ExitCode {
  int value = 0;
};

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

// How a command ends: its text on stdout, or "sluice COMMAND: what went wrong" on stderr and
// kExitFailure, which is also the code when the text cannot be written.
void print_or_fail(const std::string& command, const Result<std::string>& text, ExitCode& code);

// Wrong usage unless `given`: throws what the parser throws.
void need(bool given, const std::string& what);

// Adds every subcommand, in the order `sluice --help` shows. Callbacks run inside parsing and write
// to `exit_code`, which must outlive it.
void add_commands(CLI::App& app, ExitCode& exit_code);

void add_bench_command(CLI::App& app, ExitCode& exit_code);
void add_check_command(CLI::App& app, ExitCode& exit_code);
void add_gateway_command(CLI::App& app, ExitCode& exit_code);
void add_infer_command(CLI::App& app, ExitCode& exit_code);
void add_inspect_command(CLI::App& app, ExitCode& exit_code);
void add_load_command(CLI::App& app, ExitCode& exit_code);
void add_models_command(CLI::App& app, ExitCode& exit_code);
void add_node_command(CLI::App& app, ExitCode& exit_code);
void add_optimize_command(CLI::App& app, ExitCode& exit_code);
void add_prove_swap_command(CLI::App& app, ExitCode& exit_code);
void add_rollback_command(CLI::App& app, ExitCode& exit_code);
void add_rollout_command(CLI::App& app, ExitCode& exit_code);
void add_serve_command(CLI::App& app, ExitCode& exit_code);
void add_status_command(CLI::App& app, ExitCode& exit_code);
void add_unload_command(CLI::App& app, ExitCode& exit_code);
void add_worker_command(CLI::App& app, ExitCode& exit_code);

}  // namespace sluice::cluster
