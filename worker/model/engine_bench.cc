#include "worker/model/engine_bench.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/process/memory.h"
#include "worker/model/tensor_file.h"

namespace sluice::model {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostSamples = 4'000'000;  // of runs so short that more would say nothing

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// Not by getrusage, whose maximum lives on through exec and may be the parent's.
double peak_rss_mb() {
  return static_cast<double>(memory_use().peak) / (1 << 20);
}

// Times of single runs.
class Samples {
 public:
  // Runs `once` and takes its time.
  template <class Once>
  Result<void> time(const Once& once) {
    const Clock::time_point before = Clock::now();
    SLUICE_TRY(once());
    const double took = milliseconds(Clock::now() - before);
    ++runs_;
    total_ += took;
    if (samples_.size() < kMostSamples) {
      samples_.push_back(took);
    }
    return {};
  }

  void put(BenchResult& result) {
    std::ranges::sort(samples_);
    result.min_ms = samples_.front();
    result.p50_ms = samples_[samples_.size() / 2];
    result.p99_ms = samples_[samples_.size() * 99 / 100];
    result.runs = runs_;
    result.total_ms = total_;
  }
  [[nodiscard]] double last() const { return samples_.back(); }

 private:
  std::vector<double> samples_;
  std::int64_t runs_ = 0;
  double total_ = 0;
};

Result<void> write_outputs(const std::string& folder, const std::vector<NamedTensor>& outputs) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string path = folder + "/output_" + std::to_string(i) + ".pb";
    SLUICE_TRY_ASSIGN(const std::string bytes, write_tensor(outputs[i]));
    std::ofstream file(path, std::ios::binary);
    if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) {
      return Error{ErrorCode::unavailable, "cannot write '" + path + "'"};
    }
  }
  return {};
}

// The first run is part of loading: `samples` has it when it counts as one of the runs too.
Result<void> repeat(BenchModel& model, std::chrono::duration<double> time, Samples& samples) {
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  do {
    SLUICE_TRY(samples.time([&] { return model.run(0); }));
  } while (Clock::now() < end);
  return {};
}

Result<void> profile(BenchModel& model, std::chrono::duration<double> time, StepProfile& profile) {
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  do {
    profile.begin_run();
    SLUICE_TRY(model.observe(0, profile));
  } while (Clock::now() < end);
  return {};
}

}  // namespace

Result<BenchResult> run_bench(BenchEngine& engine, const BenchOptions& options) {
  const Clock::time_point start = Clock::now();
  SLUICE_TRY_ASSIGN(const std::unique_ptr<BenchModel> model,
                    engine.load(options.path, options.threads));
  const double load_ms = milliseconds(Clock::now() - start);
  SLUICE_TRY_ASSIGN(std::vector<InputSet> sets,
                    bench_sets(model->info(), model->symbols(), options.feed));
  const std::size_t count = sets.size();
  const std::vector<Feedback> feedback =
      options.feed.decode > 0 ? feedback_of(model->info()) : std::vector<Feedback>();
  SLUICE_TRY(model->use(std::move(sets)));
  Samples first;
  Samples samples;
  // Of a sweep and a decode the first run counts: each shape is seen once.
  Samples& begin = count > 1 ? samples : first;
  SLUICE_TRY(
      begin.time([&] { return feedback.empty() ? model->run(0) : model->step(0, feedback); }));
  const double first_ms = begin.last();
  if (count == 1) {
    SLUICE_TRY(repeat(*model, options.time, samples));
  }
  for (std::size_t i = 1; i < count; ++i) {
    SLUICE_TRY(
        samples.time([&] { return feedback.empty() ? model->run(i) : model->step(i, feedback); }));
  }
  if (options.profile != nullptr && count == 1) {
    SLUICE_TRY(profile(*model, options.time / 2, *options.profile));
  }
  BenchResult result;
  samples.put(result);
  result.load_ms = load_ms + first_ms;
  result.peak_rss_mb = peak_rss_mb();
  if (!options.write.empty()) {
    SLUICE_TRY_ASSIGN(const std::vector<NamedTensor> outputs, model->outputs(0));
    SLUICE_TRY(write_outputs(options.write, outputs));
  }
  return result;
}

namespace {

std::string formatted(const char* format, const BenchResult& result) {
  char text[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  static_cast<void>(std::snprintf(text,
                                  sizeof(text),
                                  format,
                                  result.min_ms,
                                  result.p50_ms,
                                  result.p99_ms,
                                  static_cast<long long>(result.runs),
                                  result.total_ms,
                                  result.load_ms,
                                  result.peak_rss_mb));
#pragma GCC diagnostic pop
  return text;
}

}  // namespace

std::string text_of(const BenchResult& result) {
  return formatted(
      "min_ms       %.5g\np50_ms       %.5g\np99_ms       %.5g\nruns         %lld\n"
      "total_ms     %.6g\nload_ms      %.5g\npeak_rss_mb  %.4g",
      result);
}

std::string json_of(const BenchResult& result) {
  return formatted(
      R"({"min_ms": %.6g, "p50_ms": %.6g, "p99_ms": %.6g, "runs": %lld, "total_ms": %.7g, )"
      R"("load_ms": %.6g, "peak_rss_mb": %.5g})",
      result);
}

}  // namespace sluice::model
