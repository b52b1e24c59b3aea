// The list of subcommands, in the order of `sluice --help`.

#include "cluster/cli/commands.h"

#include <CLI/CLI.hpp>

namespace sluice::cluster {

void add_commands(CLI::App& app, ExitCode& exit_code) {
  using AddCommand = void (*)(CLI::App&, ExitCode&);
  static constexpr AddCommand kCommands[] = {add_serve_command,
                                             add_infer_command,
                                             add_status_command,
                                             add_gateway_command,
                                             add_node_command,
                                             add_worker_command,
                                             add_check_command,
                                             add_bench_command};
  for (const AddCommand add : kCommands) {
    add(app, exit_code);
  }
}

}  // namespace sluice::cluster
