// The settings of `sluice serve`, checked and complete.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/node/model_folder.h"
#include "cluster/serve/serve_settings.h"
#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace sluice::cluster {

struct ServeOptions {
  std::vector<ModelFile> models;  // at least one
  bool single_file = false;       // its failure to load ends the server
  std::string source;             // where the models come from, for people
  std::string http = "127.0.0.1:8000";
  std::string metrics = "127.0.0.1:8002";  // empty: none
  std::string graphpipe;                   // empty: none
  std::string graphpipe_model;
  std::string link;  // empty: none
  std::string run_dir;
  std::string engine_library;  // empty: the worker's default
  int shards = 1;
  std::optional<int> threads;
  std::optional<std::int64_t> body_limit;
  Duration drain_limit = limits::kDrainTime;
  bool strict_readiness = true;
  bool test_operators = false;  // a flag alone: no setting for operators
};

// Looks for the models and fills in what was not said. Without `file` and `models` the example
// models are served. invalid_argument or not_found in the user's words.
Result<ServeOptions> complete(const ServeSettings& settings);

// Folder of the example models: share/sluice/example beside the executable's folder, else in the
// sources it was built from. Empty when there is neither.
std::string example_folder();

}  // namespace sluice::cluster
