#include "worker/model/engine_bench.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include <sys/resource.h>

#include "worker/model/engine_run.h"

namespace sluice::model {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostSamples = 4'000'000;  // of runs so short that more would say nothing

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// The same numbers on every machine.
class Sequence {
 public:
  // 0 .. 2^24 - 1, every bit as good as the others.
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state_ >> 40);
  }

 private:
  std::uint64_t state_ = 1;
};

bool is_float(DataType datatype) {
  return datatype == DataType::float16 || datatype == DataType::bfloat16 ||
         datatype == DataType::float32 || datatype == DataType::float64;
}

// The element for `number`, a value in [0, 1) or a small integer, in little-endian bytes.
std::uint64_t bits_of(DataType datatype, double number) {
  const auto single = static_cast<float>(number);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof(bits));
  switch (datatype) {
    case DataType::float32:
      return bits;
    case DataType::float64: {
      std::uint64_t wide = 0;
      std::memcpy(&wide, &number, sizeof(wide));
      return wide;
    }
    case DataType::bfloat16:
      return bits >> 16;
    case DataType::float16: {
      // Small numbers become 0 and mantissas are cut: good enough to measure with.
      const std::uint32_t exponent = bits >> 23;
      return exponent < 113 ? 0 : (exponent - 112) << 10 | (bits >> 13 & 0x3FF);
    }
    default:
      return static_cast<std::uint64_t>(number);
  }
}

Buffer fill(const ValueInfo& input, std::int64_t count, Sequence& sequence) {
  const bool one = input.name.find("mask") != std::string::npos;
  const bool zero = input.name.find("type") != std::string::npos;
  std::string bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t random = sequence.next();
    const double number = one                                   ? 1
                          : zero                                ? 0
                          : is_float(input.datatype)            ? random / 16777216.0
                          : input.datatype == DataType::boolean ? random % 2
                                                                : random % 100;
    if (input.datatype == DataType::string) {
      const std::string text = std::to_string(static_cast<int>(number));
      const auto length = static_cast<std::uint32_t>(text.size());
      bytes.append({static_cast<char>(length), 0, 0, 0});
      bytes += text;
      continue;
    }
    const std::uint64_t value = bits_of(input.datatype, number);
    for (std::size_t k = 0; k < element_size(input.datatype); ++k) {
      bytes.push_back(static_cast<char>(value >> (8 * k) & 0xFF));
    }
  }
  return Buffer::copy_of(bytes);
}

double peak_rss_mb() {
  rusage usage{};
  static_cast<void>(::getrusage(RUSAGE_SELF, &usage));
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

Result<std::vector<NamedTensor>> bench_inputs(const ModelInfo& info,
                                              const std::map<std::string, Shape>& shapes) {
  std::vector<NamedTensor> inputs;
  Sequence sequence;
  for (const ValueInfo& input : info.inputs) {
    NamedTensor tensor;
    tensor.name = input.name;
    tensor.datatype = input.datatype;
    tensor.shape = input.shape;
    const auto given = shapes.find(input.name);
    if (given != shapes.end()) {
      tensor.shape = given->second;
    } else {
      std::ranges::replace_if(
          tensor.shape, [](std::int64_t extent) { return extent < 0; }, 1);
    }
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(tensor.shape));
    if (count > std::int64_t{1} << 30) {
      return Error{ErrorCode::invalid_argument,
                   "input '" + input.name + "' would have " + std::to_string(count) + " elements"};
    }
    tensor.data = fill(input, count, sequence);
    inputs.push_back(std::move(tensor));
  }
  for (const auto& [name, shape] : shapes) {
    if (std::ranges::find(info.inputs, name, &ValueInfo::name) == info.inputs.end()) {
      return Error{ErrorCode::invalid_argument, "the model has no input '" + name + "'"};
    }
  }
  return inputs;
}

Result<BenchResult> bench_engine(engine::Engine& engine, const BenchOptions& options) {
  const Clock::time_point start = Clock::now();
  SLUICE_TRY_ASSIGN(const std::unique_ptr<engine::Session> session, engine.load(options.load));
  const Clock::time_point loaded = Clock::now();
  SLUICE_TRY_ASSIGN(const std::vector<NamedTensor> inputs,
                    bench_inputs(session->info(), options.shapes));
  std::vector<std::size_t> outputs;
  for (std::size_t i = 0; i < session->info().outputs.size(); ++i) {
    outputs.push_back(i);
  }
  const std::unique_ptr<engine::Execution> execution = session->new_execution();
  BenchResult result;
  const Clock::time_point first = Clock::now();  // making the inputs is not the engine's time
  SLUICE_TRY(run_tensors(*execution, session->info(), inputs, outputs));
  result.load_ms = milliseconds(loaded - start) + milliseconds(Clock::now() - first);
  std::vector<double> samples;
  const Clock::time_point end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(options.time);
  do {
    const Clock::time_point before = Clock::now();
    SLUICE_TRY(run_tensors(*execution, session->info(), inputs, outputs));
    const double took = milliseconds(Clock::now() - before);
    ++result.runs;
    if (samples.size() < kMostSamples) {
      samples.push_back(took);
    }
  } while (Clock::now() < end);
  std::ranges::sort(samples);
  result.min_ms = samples.front();
  result.p50_ms = samples[samples.size() / 2];
  result.p99_ms = samples[samples.size() * 99 / 100];
  result.peak_rss_mb = peak_rss_mb();
  return result;
}

}  // namespace sluice::model
