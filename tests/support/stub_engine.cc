// The stub engine: an engine.h implementation whose "model file" is a small JSON text. It computes
// almost nothing, and misbehaves on demand.
//
//   {"inputs":  [{"name": "a", "datatype": "FP32", "shape": [-1, 4]}, ...],
//    "outputs": [{"name": "sum", "datatype": "FP32", "shape": [-1, 4]}],
//    "op": "add"}
//
// op        add: output 0 is the element-wise sum of inputs 0 and 1 (FP32, equal shapes)
//           echo: output i is input i        nan: like echo, every float32 is NaN
// Optional, `x` being the first element of input 0 as a number:
// sleep_ms  a number, or "input" for x: sleep so long in every run, looking at the stop flag
// spin_ms   the same, but busy, and deaf to the stop flag
// abort_on, exit_on, fail_on, throw_on
//           when x is this number: abort(), _exit(9), an error `internal`, a C++ exception
// abort_run  true: every run ends in abort()
// rows_independent  true: requests may be joined along axis 0
// load_ms   loading takes this long        fail_load  loading fails with this sentence
// abort_load  true: loading ends in abort()

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "worker/engine/engine.h"

namespace sluice::engine {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// A fixed time, or one taken from the request.
struct Delay {
  bool from_input = false;
  double ms = 0;

  [[nodiscard]] milliseconds of(double x) const {
    const double value = from_input ? x : ms;
    return milliseconds(static_cast<std::int64_t>(std::clamp(value, 0.0, 3'600'000.0)));
  }
};

struct Behaviour {
  std::string op;
  Delay sleep;
  Delay spin;
  bool abort_run = false;
  std::optional<double> abort_on;
  std::optional<double> exit_on;
  std::optional<double> fail_on;
  std::optional<double> throw_on;
};

double first_element(const InputView& input) {
  const auto as = [&](auto zero) -> double {
    if (input.data.size() < sizeof zero) {
      return 0;
    }
    std::memcpy(&zero, input.data.data(), sizeof zero);
    return static_cast<double>(zero);
  };
  switch (input.datatype) {
    case DataType::float32:
      return as(float{});
    case DataType::float64:
      return as(double{});
    case DataType::int32:
      return as(std::int32_t{});
    case DataType::int64:
      return as(std::int64_t{});
    default:
      return 0;
  }
}

class StubExecution final : public Execution {
 public:
  explicit StubExecution(const Behaviour& behaviour) : behaviour_(behaviour) {}

  Result<void> run(const RunArguments& arguments) override {
    const double x = arguments.inputs.empty() ? 0 : first_element(arguments.inputs[0]);
    SLUICE_TRY(misbehave(x));
    SLUICE_TRY(pass_time(x, arguments.stop));
    for (std::size_t i = 0; i < arguments.outputs.size(); ++i) {
      SLUICE_TRY(compute(arguments, i));
    }
    return {};
  }

 private:
  Result<void> misbehave(double x) const {
    if (behaviour_.abort_run || behaviour_.abort_on == x) {
      std::abort();
    }
    if (behaviour_.exit_on == x) {
      ::_exit(9);
    }
    if (behaviour_.fail_on == x) {
      return Error{ErrorCode::internal, "the stub fails on this value"};
    }
    if (behaviour_.throw_on == x) {
      throw std::runtime_error("the stub throws on this value");
    }
    return {};
  }

  Result<void> pass_time(double x, const std::atomic<bool>* stop) const {
    using Clock = std::chrono::steady_clock;
    for (const auto end = Clock::now() + behaviour_.sleep.of(x); Clock::now() < end;) {
      if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
        return Error{ErrorCode::cancelled, "stopped"};
      }
      std::this_thread::sleep_for(std::min<Clock::duration>(milliseconds(1), end - Clock::now()));
    }
    for (const auto end = Clock::now() + behaviour_.spin.of(x); Clock::now() < end;) {
    }
    return {};
  }

  // Wanted output number `i`.
  Result<void> compute(const RunArguments& arguments, std::size_t i) const {
    const std::size_t index = behaviour_.op == "add" ? 0 : arguments.outputs[i];
    if (index >= arguments.inputs.size()) {
      return Error{ErrorCode::invalid_argument, "the stub has no input for this output"};
    }
    const InputView& input = arguments.inputs[index];
    const Shape shape(input.shape.begin(), input.shape.end());
    SLUICE_TRY_ASSIGN(const std::span<std::byte> bytes,
                      arguments.allocator->allocate(i, input.datatype, shape, input.data.size()));
    if (!bytes.empty()) {
      std::memcpy(bytes.data(), input.data.data(), bytes.size());
    }
    if (behaviour_.op == "add") {
      return add(arguments, bytes);
    }
    if (behaviour_.op == "nan" && input.datatype == DataType::float32) {
      const float nan = std::numeric_limits<float>::quiet_NaN();
      for (std::size_t at = 0; at + sizeof nan <= bytes.size(); at += sizeof nan) {
        std::memcpy(bytes.data() + at, &nan, sizeof nan);
      }
    }
    return {};
  }

  // `sum` holds input 0 already.
  static Result<void> add(const RunArguments& arguments, std::span<std::byte> sum) {
    if (arguments.inputs.size() != 2 || arguments.inputs[1].data.size() != sum.size()) {
      return Error{ErrorCode::invalid_argument, "the stub adds two inputs of equal shape"};
    }
    for (std::size_t at = 0; at + sizeof(float) <= sum.size(); at += sizeof(float)) {
      float a = 0;
      float b = 0;
      std::memcpy(&a, sum.data() + at, sizeof a);
      std::memcpy(&b, arguments.inputs[1].data.data() + at, sizeof b);
      a += b;
      std::memcpy(sum.data() + at, &a, sizeof a);
    }
    return {};
  }

  Behaviour behaviour_;
};

class StubSession final : public Session {
 public:
  StubSession(ModelInfo info, Behaviour behaviour, bool rows_independent)
      : info_(std::move(info)),
        behaviour_(std::move(behaviour)),
        rows_independent_(rows_independent) {}
  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  [[nodiscard]] bool rows_independent() const override { return rows_independent_; }
  [[nodiscard]] std::vector<std::vector<std::string>> input_symbols() const override {
    return std::vector<std::vector<std::string>>(info_.inputs.size());
  }
  [[nodiscard]] std::unique_ptr<Execution> new_execution() const override {
    return std::make_unique<StubExecution>(behaviour_);
  }

 private:
  ModelInfo info_;
  Behaviour behaviour_;
  bool rows_independent_;
};

std::vector<ValueInfo> values_of(const json& list) {
  std::vector<ValueInfo> values;
  for (const json& entry : list) {
    ValueInfo value;
    value.name = entry.at("name").get<std::string>();
    const auto datatype = datatype_from_kserve(entry.at("datatype").get<std::string>());
    if (!datatype) {
      throw std::runtime_error("unknown datatype");
    }
    value.datatype = *datatype;
    value.shape = entry.at("shape").get<Shape>();
    value.optional = entry.value("optional", false);
    values.push_back(std::move(value));
  }
  return values;
}

Delay delay_of(const json& model, const char* key) {
  Delay delay;
  if (const auto entry = model.find(key); entry != model.end()) {
    delay.from_input = entry->is_string();
    delay.ms = delay.from_input ? 0 : entry->get<double>();
  }
  return delay;
}

std::optional<double> trigger_of(const json& model, const char* key) {
  const auto entry = model.find(key);
  return entry == model.end() ? std::nullopt : std::optional(entry->get<double>());
}

Result<std::unique_ptr<Session>> load_json(const json& model, const std::string& path) {
  std::this_thread::sleep_for(milliseconds(model.value("load_ms", 0)));
  if (model.value("abort_load", false)) {
    std::abort();
  }
  if (const auto reason = model.find("fail_load"); reason != model.end()) {
    return Error{ErrorCode::data_corrupt, path + ": " + reason->get<std::string>()};
  }
  Behaviour behaviour{.op = model.at("op").get<std::string>(),
                      .sleep = delay_of(model, "sleep_ms"),
                      .spin = delay_of(model, "spin_ms"),
                      .abort_run = model.value("abort_run", false),
                      .abort_on = trigger_of(model, "abort_on"),
                      .exit_on = trigger_of(model, "exit_on"),
                      .fail_on = trigger_of(model, "fail_on"),
                      .throw_on = trigger_of(model, "throw_on")};
  if (behaviour.op != "add" && behaviour.op != "echo" && behaviour.op != "nan") {
    return Error{ErrorCode::unsupported, path + ": the stub has no op '" + behaviour.op + "'"};
  }
  ModelInfo info;
  info.platform = "stub";
  info.inputs = values_of(model.at("inputs"));
  info.outputs = values_of(model.at("outputs"));
  return std::unique_ptr<Session>(std::make_unique<StubSession>(
      std::move(info), std::move(behaviour), model.value("rows_independent", false)));
}

class StubEngine final : public Engine {
 public:
  Result<std::unique_ptr<Session>> load(const LoadOptions& options) override {
    std::ifstream file(options.path);
    if (!file) {
      return Error{ErrorCode::not_found, options.path + ": no such file"};
    }
    try {
      return load_json(json::parse(file), options.path);
    } catch (const std::exception& error) {
      return Error{ErrorCode::data_corrupt, options.path + ": not a stub model: " + error.what()};
    }
  }
};

}  // namespace
}  // namespace sluice::engine

// NOLINTNEXTLINE(readability-identifier-naming): named by engine.h.
extern "C" __attribute__((visibility("default"))) sluice::engine::Engine* sluice_engine_open(
    std::uint32_t abi) {
  return abi == sluice::engine::kAbi ? std::make_unique<sluice::engine::StubEngine>().release()
                                     : nullptr;
}
