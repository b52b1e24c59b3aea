// Arbitrary bytes as a model that is loaded with everything the plan makes of it, and run on small
// inputs, tensors and others: once on small numbers, and once on those that do not fit. Extents
// that the model leaves open are 2. A run that its steps do not end is stopped, as a request's
// deadline does it.

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/limits.h"
#include "common/tensor/shape.h"
#include "worker/engine/engine.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/read/reader.h"
#include "worker/engine/session.h"
#include "worker/engine/values/strings.h"
#include "worker/engine/values/widen.h"
#include "worker/model/engine_run.h"
#include "worker/model/recorded_value.h"
#include "worker/ops/register.h"

namespace {

using namespace sluice;

constexpr std::int64_t kElements = 1'024;  // of an input: more make slow runs, not other ones
constexpr std::size_t kMemory = 16 * limits::kMiB;
constexpr auto kRunTime = std::chrono::seconds(2);

// Sets `stop` unless it goes before its time.
class Deadline {
 public:
  explicit Deadline(std::atomic<bool>& stop)
      : thread_([this, &stop](const std::stop_token& gone) {
          std::unique_lock lock(mutex_);
          stop = !wake_.wait_for(lock, gone, kRunTime, [&] { return gone.stop_requested(); });
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

template <class T>
void fill(engine::TensorView view, const auto& values) {
  std::size_t i = 0;
  for (T& element : view.mut<T>()) {
    element = static_cast<T>(values[i++ % values.size()]);
  }
}

// Row-major elements of any datatype that requests can have.
std::optional<Buffer> elements(DataType datatype, const Shape& shape, bool wild) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::array<float, 8> reals =
      wild ? std::array<float, 8>{kNan, -1, 1e30F, 0, kInfinity, -1e9F, 0.5F, -kInfinity}
           : std::array<float, 8>{1, 0.5F, 2, 0, -1, 3, 0.25F, 1};
  const std::array<std::int64_t, 6> integers =
      wild ? std::array<std::int64_t, 6>{-1, 100, -100, std::int64_t{1} << 40, 0, 1}
           : std::array<std::int64_t, 6>{0, 1, 2, 1, 0, 3};
  auto made = engine::Tensor::create(datatype, shape);
  if (!made) {
    return std::nullopt;
  }
  engine::TensorView view = made->view();
  switch (datatype) {
    using enum DataType;
    case float32:
      fill<float>(view, reals);
      break;
    case float64:
      fill<double>(view, reals);
      break;
    case int64:
      fill<std::int64_t>(view, integers);
      break;
    case int32:
      fill<std::int32_t>(view, std::array<int, 6>{wild ? -1 : 0, 1, wild ? 100 : 2, 1, 0, 3});
      break;
    case string: {
      fill<std::string>(view, std::array<std::string, 3>{wild ? "\xff" : "a", "1", ""});
      MutableBuffer bytes(engine::encoded_size(view.as<std::string>()));
      engine::encode_strings(view.as<std::string>(), bytes.bytes());
      return std::move(bytes).freeze();
    }
    default:  // 0 and 1 are in every datatype of one byte; of two, halves among them, small numbers
      for (std::size_t i = 0; i < view.size(); ++i) {
        static_cast<std::uint8_t*>(view.data)[i] =
            wild && datatype != boolean ? static_cast<std::uint8_t>(0xff - i) : i % 2;
      }
  }
  return Buffer::copy_of(view.bytes());
}

std::optional<NamedTensor> tensor_for(const ValueInfo& input, bool wild) {
  NamedTensor tensor{
      .name = input.name, .datatype = input.datatype, .shape = input.shape, .data = {}};
  for (std::int64_t& extent : tensor.shape) {
    extent = extent < 0 ? 2 : extent;
  }
  const auto count = element_count(tensor.shape);
  auto data =
      count && *count <= kElements ? elements(input.datatype, tensor.shape, wild) : std::nullopt;
  if (!data) {
    return std::nullopt;
  }
  tensor.data = *std::move(data);
  return tensor;
}

// Sequences have two elements, or three, of which the last has another rank. Every other optional
// holds nothing. A map's keys and values are tensors.
std::optional<std::vector<model::RecordedValue>> inputs_for(const engine::Session& session,
                                                            bool wild) {
  using Kind = model::RecordedValue::Kind;
  using engine::Form;
  std::vector<model::RecordedValue> inputs;
  const std::vector<ValueInfo>& infos = session.info().inputs;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const Form form = session.input_form(i).form;
    model::RecordedValue& input = inputs.emplace_back();
    const bool optional = form == Form::optional_tensor || form == Form::optional_sequence;
    if (optional && (i % 2 == 0) == wild) {
      continue;  // nothing
    }
    const bool sequence = form == Form::sequence || form == Form::optional_sequence;
    input.kind = sequence ? Kind::sequence : Kind::tensor;
    const std::size_t count = !sequence ? 1 : wild ? 3 : 2;
    for (std::size_t item = 0; item < count; ++item) {
      ValueInfo info = infos[i];
      if (item == 2) {
        info.shape.push_back(1);
      }
      auto tensor = tensor_for(info, wild);
      if (!tensor) {
        return std::nullopt;
      }
      input.items.push_back(*std::move(tensor));
    }
  }
  return inputs;
}

void run(const engine::Session& session) {
  const auto execution = session.new_execution();
  std::vector<std::size_t> outputs;
  for (std::size_t i = 0; i < session.info().outputs.size(); ++i) {
    outputs.push_back(i);
  }
  for (const bool wild : {false, true}) {
    if (const auto inputs = inputs_for(session, wild)) {
      std::atomic<bool> stop = false;
      const Deadline deadline(stop);
      static_cast<void>(model::run_values(*execution, *inputs, outputs, &stop));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto registry = [] {
    auto made = std::make_shared<engine::Registry>();
    engine::register_all(*made);
    return made;
  }();
  const engine::MemoryLimit limit(kMemory);
  auto model = engine::parse_model(std::as_bytes(std::span(data, size)), "/nonexistent");
  if (model) {
    const auto session = engine::make_session(
        *std::move(model), 1, registry, {.any_forms = true, .memory_bytes = kMemory});
    if (session) {
      run(**session);
    }
  }
  return 0;
}
