// ServedModel: the loaded model as its configuration has it served. Made once at load; then only
// read, by all executors.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/model/repository/model_config.h"
#include "worker/serve/serving_plan.h"

namespace sluice::worker {

struct ServedModel {
  ModelInfo info;   // what clients are told and held to
  ModelInfo facts;  // what the engine takes and gives: its inputs and outputs in its order
  repository::ModelConfig config;
  std::vector<OutputLabels> labels;  // of the classes of its outputs
  bool reshapes = false;             // shapes of clients and engine differ
  std::int64_t max_rows = 0;         // of one request, where a batch stands in front; 0: none does
  bool joins = false;                // requests of one shape may share a run of up to max_rows rows
};

// Holds the plan's configuration against the model. `rows_independent`: what the engine says.
// invalid_argument in the configuration's words.
Result<ServedModel> serve_as(const ServingPlan& plan,
                             const ModelInfo& facts,
                             bool rows_independent);

// What the log says where requests that the configuration wants joined are not; else empty.
std::string batching_note(const ServedModel& served);

// The configuration as clients are shown it, with the executors that there are; empty where it is
// too long to be told.
std::string shown_config(const ServedModel& served, std::size_t executors);

// The model as it is, under the name and version of `plan`.
ServedModel as_declared(const ServingPlan& plan, const ModelInfo& facts);

}  // namespace sluice::worker
