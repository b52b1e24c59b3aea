// `sluice bench engine`: one model, run in a loop in this process.

#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"

namespace sluice::model {

struct BenchOptions {
  engine::LoadOptions load{};
  std::chrono::duration<double> time{5};
  std::map<std::string, Shape> shapes{};  // by input; the others take 1 for every open extent
};

struct BenchResult {
  double min_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  std::int64_t runs = 0;
  double load_ms = 0;      // from opening the file to the first answer
  double peak_rss_mb = 0;  // of the whole process
};

// Inputs: floats in [0, 1), integers 0..99, in both a fixed sequence; inputs with `mask` in their
// name are 1, with `type` 0. invalid_argument for a shape the model cannot take.
Result<std::vector<NamedTensor>> bench_inputs(const ModelInfo& info,
                                              const std::map<std::string, Shape>& shapes);

Result<BenchResult> bench_engine(engine::Engine& engine, const BenchOptions& options);

}  // namespace sluice::model
