// The list of `sluice-worker`, which a node starts in place of `sluice`: `worker` alone. Whatever
// starts takes CPU from the requests under way, and most of what `sluice` takes to start is loading
// the libraries of its other commands.

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"

namespace sluice::cluster {

void add_commands(CLI::App& app, ExitCode& exit_code) {
  add_worker_command(app, exit_code);
}

}  // namespace sluice::cluster
