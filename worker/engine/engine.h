// The engine as the rest of Sluice sees it: one plain interface, implemented by libsluice_engine.so
// (the real one) and by the tests' stub. Loaded with dlopen by worker, check, bench and inspect
// alone, so that no other process pays for its libraries. This header includes nothing of the
// engine's.

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/inspection.h"
#include "worker/engine/optimization.h"

namespace sluice::engine {

struct LoadOptions {
  std::string path;  // of the model file
  int threads = 1;   // that one execution may use; an execution's results do not depend on it
  // Operators of the domain "sluice.test" (abort, spin, sleep): for the tests of the cluster alone.
  bool test_operators = false;
  // Inputs and outputs may be sequences and optionals, which no request can carry: for `check`.
  bool any_forms = false;
  // Inputs may have other shapes than the model declares: for `check`, since some test cases do.
  bool any_shapes = false;
  // That the session and its executions may hold at one time: weights, packed ones, intermediate
  // results, scratch. Not what callers make room for, nor the characters of strings. 0: what the
  // machine has left.
  std::size_t memory_bytes = 0;
  // Families of the plan's passes that are left out (plan/families.h), by name: for `bench engine`.
  std::vector<std::string> without{};
};

// What an input or output is. Requests and answers have tensors alone: an input that is a map comes
// as two of them, one behind the other.
enum class Form : std::uint8_t {
  tensor,
  sequence,  // of tensors
  optional_tensor,
  optional_sequence,
  map,
  map_keys,    // of an input that is a map: NAME.keys, a tensor [n]
  map_values,  // NAME.values, a tensor [n]: what stands beside each key
  maps,        // a ZipMap's sequence of maps, which comes as a tensor: see ValueForm
};

// An input or output beyond what ModelInfo says of it.
struct ValueForm {
  Form form = Form::tensor;
  // Of maps: the scores come as a tensor [rows, labels]; these are the columns' names.
  std::vector<std::string> labels{};
  bool integer_labels = false;
};

class Value;      // the engine's own
class ValueSink;  // likewise

// Where a run puts an output. Called once for each wanted output, from the thread that runs.
class OutputAllocator {
 public:
  OutputAllocator() = default;
  OutputAllocator(const OutputAllocator&) = delete;
  OutputAllocator& operator=(const OutputAllocator&) = delete;
  virtual ~OutputAllocator() = default;
  // `size` bytes for wanted output number `index`; valid until the run ends. resource_exhausted
  // when it does not fit the caller's limit.
  virtual Result<std::span<std::byte>> allocate(std::size_t index,
                                                DataType datatype,
                                                const Shape& shape,
                                                std::size_t size) = 0;
  // Output `index` is a sequence: `count` calls of allocate() for it follow, an element each.
  virtual Result<void> begin_sequence(std::size_t /*index*/, std::size_t /*count*/) {
    return Error{ErrorCode::unsupported, "a sequence as an output"};
  }
  // Output `index` is an optional that holds nothing.
  virtual Result<void> hold_nothing(std::size_t /*index*/) {
    return Error{ErrorCode::unsupported, "an empty optional as an output"};
  }
};

// One input of a run. `data` may have any alignment and must stay valid during the run.
struct InputView {
  DataType datatype = DataType::undefined;
  std::span<const std::int64_t> shape{};
  std::span<const std::byte> data{};  // strings: per element a uint32 length and the bytes
  bool is_tensor = true;              // false: a sequence, or an optional that holds nothing
  std::optional<std::span<const InputView>> items{};  // a sequence's elements
  const Value* value = nullptr;  // in runs inside a run: what the rest describes
};

// One step of a run, as an observer is told of it when it has ended. Valid during the call.
struct StepReport {
  struct Operand {
    DataType datatype = DataType::undefined;  // undefined: left out
    std::span<const std::int64_t> shape{};
  };
  std::string_view node{};     // its name in the model file, "" for what the engine added
  std::string_view op_type{};  // of what it has become: "Conv", "Reorder"
  std::string_view
      implementation{};  // that the operator chose for these shapes; "" where it has one
  std::span<const Operand> inputs{};
  std::span<const Operand> outputs{};
  std::chrono::steady_clock::time_point begin{};
  std::chrono::steady_clock::time_point end{};
};

class StepObserver {
 public:
  StepObserver() = default;
  StepObserver(const StepObserver&) = delete;
  StepObserver& operator=(const StepObserver&) = delete;
  virtual ~StepObserver() = default;
  virtual void on_step(const StepReport& step) = 0;
};

struct RunArguments {
  std::span<const InputView> inputs;     // in the order of ModelInfo::inputs; datatype undefined:
                                         // an optional input left out
  std::span<const std::size_t> outputs;  // wanted, as indices into ModelInfo::outputs
  OutputAllocator* allocator = nullptr;  // never null
  const std::atomic<bool>* stop = nullptr;  // may be null; looked at between nodes: once true, the
                                            // run ends soon with `cancelled`
  StepObserver* observer = nullptr;  // may be null; told of each step but those of graphs inside
  ValueSink* sink = nullptr;  // in runs inside a run: takes the outputs; `allocator` is the same
};

// What one executor needs besides the shared session: arena, bound shapes. One thread at a time.
class Execution {
 public:
  Execution() = default;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  virtual ~Execution() = default;
  // Errors: invalid_argument for inputs the model cannot take, cancelled, resource_exhausted,
  // internal. After an error the execution can be used again.
  virtual Result<void> run(const RunArguments& arguments) = 0;
};

// A loaded model: immutable weights and plan, shared by any number of executions and threads.
class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;
  // Inputs without those that only name initialisers. Name and version are the caller's to fill in.
  [[nodiscard]] virtual const ModelInfo& info() const = 0;
  // Every input and output has the batch in front, and a row of the outputs follows from that row
  // of the inputs alone: rows of different requests may share a run.
  [[nodiscard]] virtual bool rows_independent() const = 0;
  // By input of info(): the names of its extents in the model file, "" for those without.
  [[nodiscard]] virtual std::vector<std::vector<std::string>> input_symbols() const = 0;
  // In the order of ModelInfo's; all tensors unless LoadOptions::any_forms.
  [[nodiscard]] virtual ValueForm input_form(std::size_t /*input*/) const { return {}; }
  [[nodiscard]] virtual ValueForm output_form(std::size_t /*output*/) const { return {}; }
  [[nodiscard]] virtual std::unique_ptr<Execution> new_execution() const = 0;
};

// What one core of this machine can do, measured.
struct MachinePeak {
  double gflops = 0;    // float32 multiplications and additions, in 10^9 a second
  double gb_per_s = 0;  // read from memory, in 10^9 bytes a second
};

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;
  // not_found, data_corrupt, unsupported (naming every operator that is missing, with its nodes),
  // resource_exhausted. The sentence names the file as given.
  virtual Result<std::unique_ptr<Session>> load(const LoadOptions& options) = 0;
  // Errors as load()'s where the file cannot be read; a model that is read and cannot be loaded is
  // none.
  virtual Result<Inspection> inspect(const std::string& /*path*/) {
    return Error{ErrorCode::unsupported, "this engine looks at no files"};
  }
  // The model behind the passes of the plan that ONNX has words for. Errors as load()'s;
  // unsupported, naming the node, for what no file can hold.
  virtual Result<Optimization> optimize(const std::string& /*path*/) {
    return Error{ErrorCode::unsupported, "this engine writes no files"};
  }
  // Takes about a tenth of a second.
  [[nodiscard]] virtual MachinePeak measure_peak() { return {}; }
};

// The one exported function of the library; `kAbi` guards against a stale file beside the
// executable.
inline constexpr std::uint32_t kAbi = 9;
inline constexpr const char* kOpenFunction = "sluice_engine_open";
using OpenFunction = Engine* (*)(std::uint32_t abi);  // null when the ABI differs; caller owns

// Opens `library` (a path), once per process. unavailable with the loader's words when it cannot.
Result<std::unique_ptr<Engine>> open_engine(const std::string& library);

// libsluice_engine.so beside the running executable, or what SLUICE_ENGINE_LIBRARY names.
std::string default_library();

}  // namespace sluice::engine
