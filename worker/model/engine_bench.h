// The loop that measures an engine: ours for `sluice bench engine`, and by the same code the one
// that it is compared with (bench/engine).

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"
#include "worker/model/bench_inputs.h"
#include "worker/model/step_profile.h"

namespace sluice::model {

// A loaded model with the inputs it is run on.
class BenchModel {
 public:
  BenchModel() = default;
  BenchModel(const BenchModel&) = delete;
  BenchModel& operator=(const BenchModel&) = delete;
  virtual ~BenchModel() = default;

  [[nodiscard]] virtual const ModelInfo& info() const = 0;
  // By input: the names of its extents in the model file, "" where there is none.
  [[nodiscard]] virtual std::vector<std::vector<std::string>> symbols() const = 0;
  // Brings the sets into the engine's own form, which is not its time.
  virtual Result<void> use(std::vector<InputSet> sets) = 0;
  // Computes all outputs for set number `set` and drops them.
  virtual Result<void> run(std::size_t set) = 0;
  // The same, but takes inputs from the outputs of the last step (not in step 0) and keeps its own.
  virtual Result<void> step(std::size_t set, const std::vector<Feedback>& feedback) = 0;
  // As run(), and tells of each step. unsupported where the engine cannot.
  virtual Result<void> observe(std::size_t /*set*/, engine::StepObserver& /*observer*/) {
    return Error{ErrorCode::unsupported, "this engine tells nothing of its steps"};
  }
  // The outputs for set number `set`; sequences and maps are left out.
  virtual Result<std::vector<NamedTensor>> outputs(std::size_t set) = 0;
};

class BenchEngine {
 public:
  BenchEngine() = default;
  BenchEngine(const BenchEngine&) = delete;
  BenchEngine& operator=(const BenchEngine&) = delete;
  virtual ~BenchEngine() = default;
  // `threads`: of one execution.
  virtual Result<std::unique_ptr<BenchModel>> load(const std::string& path, int threads) = 0;
};

// Ours. `engine` must outlive what is made of it. `without`: as engine::LoadOptions::without.
std::unique_ptr<BenchEngine> bench_engine_of(engine::Engine& engine,
                                             std::vector<std::string> without = {});

struct BenchOptions {
  std::string path;
  int threads = 1;
  std::chrono::duration<double> time{5};  // how long to repeat; not for a sweep or a decode
  BenchFeed feed{};
  StepProfile* profile = nullptr;  // runs half as long again, observed; not for a sweep or a decode
  std::string write{};             // a folder for output_I.pb of the first set; "": none
};

struct BenchResult {
  double min_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  std::int64_t runs = 0;
  double total_ms = 0;     // of these runs
  double load_ms = 0;      // from opening the file to the first answer
  double peak_rss_mb = 0;  // of the whole process
};

// Errors: the engine's, and invalid_argument for a feed that does not fit the model.
Result<BenchResult> run_bench(BenchEngine& engine, const BenchOptions& options);

// As text, one figure a line, or as one JSON object.
std::string text_of(const BenchResult& result);
std::string json_of(const BenchResult& result);

}  // namespace sluice::model
