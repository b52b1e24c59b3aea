// The head of the process tree: `sluice serve`. One thread, no ZeroMQ, no engine.

#pragma once

#include "cluster/serve/serve_options.h"

namespace sluice::cluster {

// Locks the run directory, binds the listeners, starts the gateway and the node, starts either
// again when it dies, and ends both at SIGTERM, SIGINT or SIGHUP: drains at the first, kills at the
// second. Returns the exit code: 0 after a drain that was asked for; 1 for a taken port, a second
// instance, a model file that cannot be loaded, a process that cannot run, a killed drain.
//
// stdout: "listening http ADDRESS:PORT" (and metrics, graphpipe) as soon as they are bound, then
// lines for people; stderr: errors, and what the children log.
int run_serve(const ServeOptions& options);

}  // namespace sluice::cluster
