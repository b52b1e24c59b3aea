// The list of subcommands, in the order of `sluice --help`.

#include "cluster/cli/commands.h"

#include <cstdio>

#include <CLI/CLI.hpp>

namespace sluice::cluster {

void print_or_fail(const std::string& command, const Result<std::string>& text, ExitCode& code) {
  if (!text) {
    static_cast<void>(
        std::fprintf(stderr, "sluice %s: %s\n", command.c_str(), text.error().detail.c_str()));
    code.value = kExitFailure;
    return;
  }
  if (std::fputs(text->c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    code.value = kExitFailure;
  }
}

void need(bool given, const std::string& what) {
  if (!given) {
    throw CLI::ValidationError(what);
  }
}

void add_commands(CLI::App& app, ExitCode& exit_code) {
  using AddCommand = void (*)(CLI::App&, ExitCode&);
  static constexpr AddCommand kCommands[] = {add_serve_command,
                                             add_infer_command,
                                             add_status_command,
                                             add_models_command,
                                             add_load_command,
                                             add_unload_command,
                                             add_rollout_command,
                                             add_rollback_command,
                                             add_prove_swap_command,
                                             add_gateway_command,
                                             add_node_command,
                                             add_worker_command,
                                             add_inspect_command,
                                             add_optimize_command,
                                             add_check_command,
                                             add_bench_command};
  for (const AddCommand add : kCommands) {
    add(app, exit_code);
  }
}

}  // namespace sluice::cluster
