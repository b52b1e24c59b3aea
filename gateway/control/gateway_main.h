// The gateway process: control, shards and the metrics page, wired together and run until told to
// end.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/limits.h"
#include "common/base/model_control.h"
#include "common/base/time.h"
#include "gateway/control/loaded_config.h"

namespace sluice::gateway {

struct GatewayOptions {
  std::string run_dir;  // for the ipc endpoints; made (0700) when absent
  int shards = 1;

  // HTTP: inherited listening descriptors, one a shard; or, when empty, an address to bind.
  std::vector<int> http_descriptors;
  std::string http_address = "127.0.0.1:8000";

  // GraphPipe alone at `/`, one model; off when neither is given.
  std::vector<int> graphpipe_descriptors;
  std::string graphpipe_address;
  std::string graphpipe_model;

  // Prometheus page; an inherited descriptor or an address ("" : none).
  std::optional<int> metrics_descriptor;
  std::string metrics_address = "127.0.0.1:8002";

  // "tcp://ADDRESS:PORT": the worker link for other hosts, besides ipc: control at PORT, shard K at
  // PORT + 1 + K. Empty: this host only.
  std::string link_address;

  std::vector<std::string> expected_models;  // ready once all of these are
  bool strict_readiness = true;              // false: a definitively failed one does not hold it up

  ModelControl model_control = ModelControl::watch;
  std::vector<std::string> load_models;  // on_demand: those of the start; "*": all
  std::string state_file;                // what operators asked for and what serves; empty: none
  ReadConfig read_config = nullptr;      // null: none is taken from operators

  std::optional<int> lifeline;  // read end of the parent's pipe: its end of file is ours
  Duration drain_limit = limits::kDrainTime;
  Duration keep_awake = limits::kKeepAwake;  // after a lone request; zero: never
  std::size_t body_limit = limits::kHttpBodyBytes;
};

// Until SIGTERM or SIGINT (drains, then 0), the lifeline's end (1, at once) or a failure (1, said
// on stderr). With a parent SIGTERM means that another gateway will take its place on the same
// sockets: it serves on while it drains. Runs on the calling thread, which must be the process'
// first.
int run_gateway(const GatewayOptions& options);

}  // namespace sluice::gateway
