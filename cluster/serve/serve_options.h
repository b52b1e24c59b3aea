// The settings of `sluice serve`, checked and complete.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/serve/serve_settings.h"
#include "common/base/limits.h"
#include "common/base/model_control.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/model/repository/scan.h"

namespace sluice::cluster {

// A model that is to be ready before the server is.
struct ExpectedModel {
  std::string name{};
  std::vector<std::int64_t> versions{};  // that its policy chooses, ascending
  bool broken = false;                   // as it lies on disk it cannot be served: no versions

  friend bool operator==(const ExpectedModel&, const ExpectedModel&) = default;
};

struct ServeOptions {
  repository::ScanOptions sources;      // where the models are
  std::string model_list;               // the file of sources.listed; empty: none
  std::vector<ExpectedModel> expected;  // by name
  bool single_file = false;             // its failure to load ends the server
  std::string source;                   // where the models come from, for people
  ModelControl model_control = ModelControl::watch;
  std::vector<std::string> load_models;       // on_demand: at the start; "*": all
  std::optional<std::int64_t> poll_interval;  // seconds
  std::string http = "127.0.0.1:8000";
  std::string metrics = "127.0.0.1:8002";  // empty: none
  std::string graphpipe;                   // empty: none
  std::string graphpipe_model;
  std::string link;  // empty: none
  std::string run_dir;
  std::string state_file;      // empty: nothing is kept
  std::string engine_library;  // empty: the worker's default
  int shards = 1;
  std::optional<int> threads;
  std::optional<std::int64_t> memory;  // bytes; empty: what there is
  std::optional<std::int64_t> body_limit;
  Duration drain_limit = limits::kDrainTime;
  Duration keep_awake = limits::kKeepAwake;
  bool strict_readiness = true;
  bool test_operators = false;  // a flag alone: no setting for operators
};

// The control mode of that name; invalid_argument for another, and for models to load at the start
// without mode explicit.
Result<ModelControl> checked_model_control(std::string_view name,
                                           const std::vector<std::string>& load_models);

// Looks for the models and fills in what was not said. Without `file` and `models` the example
// models are served. invalid_argument or not_found in the user's words.
Result<ServeOptions> complete(const ServeSettings& settings);

// Folder of the example models: share/sluice/example beside the executable's folder, else in the
// sources it was built from. Empty when there is neither.
std::string example_folder();

}  // namespace sluice::cluster
