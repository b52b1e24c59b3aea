#include "worker/model/engine_run.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::model {
namespace {

using Kind = RecordedValue::Kind;

// Outputs in buffers of their own, in whatever form they come.
class BufferAllocator final : public engine::OutputAllocator {
 public:
  explicit BufferAllocator(std::size_t count) : values_(count), buffers_(count) {}

  Result<std::span<std::byte>> allocate(std::size_t index,
                                        DataType datatype,
                                        const Shape& shape,
                                        std::size_t size) override {
    RecordedValue& value = values_[index];
    value.kind = value.kind == Kind::sequence ? Kind::sequence : Kind::tensor;
    value.items.push_back({.name = "", .datatype = datatype, .shape = shape, .data = {}});
    buffers_[index].emplace_back(size);
    return buffers_[index].back().bytes();
  }
  Result<void> begin_sequence(std::size_t index, std::size_t /*count*/) override {
    values_[index].kind = Kind::sequence;
    return {};
  }
  Result<void> hold_nothing(std::size_t /*index*/) override { return {}; }

  std::vector<RecordedValue> take() {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      for (std::size_t k = 0; k < values_[i].items.size(); ++k) {
        values_[i].items[k].data = std::move(buffers_[i][k]).freeze();
      }
    }
    return std::move(values_);
  }

 private:
  std::vector<RecordedValue> values_;
  std::vector<std::vector<MutableBuffer>> buffers_;
};

engine::InputView view_of(const NamedTensor& tensor) {
  return {.datatype = tensor.datatype, .shape = tensor.shape, .data = tensor.data.bytes()};
}

}  // namespace

Result<std::vector<NamedTensor>> run_tensors(engine::Execution& execution,
                                             const ModelInfo& info,
                                             const std::vector<NamedTensor>& inputs,
                                             const std::vector<std::size_t>& outputs,
                                             const std::atomic<bool>* stop,
                                             engine::StepObserver* observer) {
  std::vector<engine::InputView> views;
  for (const NamedTensor& input : inputs) {
    views.push_back(view_of(input));
  }
  BufferAllocator allocator(outputs.size());
  SLUICE_TRY(execution.run({.inputs = views,
                            .outputs = outputs,
                            .allocator = &allocator,
                            .stop = stop,
                            .observer = observer}));
  std::vector<RecordedValue> values = allocator.take();
  std::vector<NamedTensor> results;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind != Kind::tensor) {
      return Error{ErrorCode::unsupported,
                   "output '" + info.outputs[outputs[i]].name + "' is no tensor"};
    }
    results.push_back(std::move(values[i].items[0]));
    results.back().name = info.outputs[outputs[i]].name;
  }
  return results;
}

Result<std::vector<RecordedValue>> run_values(engine::Execution& execution,
                                              const std::vector<RecordedValue>& inputs,
                                              const std::vector<std::size_t>& outputs,
                                              const std::atomic<bool>* stop) {
  std::vector<engine::InputView> views;
  std::vector<std::vector<engine::InputView>> items;
  items.reserve(inputs.size());
  for (const RecordedValue& input : inputs) {
    if (input.kind == Kind::tensor) {
      views.push_back(view_of(input.items[0]));
      continue;
    }
    views.push_back({.is_tensor = false});
    if (input.kind == Kind::sequence) {
      auto& elements = items.emplace_back();
      std::ranges::transform(input.items, std::back_inserter(elements), view_of);
      views.back().items = elements;
    }
  }
  BufferAllocator allocator(outputs.size());
  SLUICE_TRY(
      execution.run({.inputs = views, .outputs = outputs, .allocator = &allocator, .stop = stop}));
  return allocator.take();
}

}  // namespace sluice::model
