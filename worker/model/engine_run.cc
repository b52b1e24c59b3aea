#include "worker/model/engine_run.h"

#include <utility>

namespace sluice::model {
namespace {

class BufferAllocator final : public engine::OutputAllocator {
 public:
  explicit BufferAllocator(std::size_t count) : tensors_(count), buffers_(count) {}

  Result<std::span<std::byte>> allocate(std::size_t index,
                                        DataType datatype,
                                        const Shape& shape,
                                        std::size_t size) override {
    tensors_[index].datatype = datatype;
    tensors_[index].shape = shape;
    buffers_[index] = MutableBuffer(size);
    return buffers_[index].bytes();
  }

  std::vector<NamedTensor> take() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      tensors_[i].data = std::move(buffers_[i]).freeze();
    }
    return std::move(tensors_);
  }

 private:
  std::vector<NamedTensor> tensors_;
  std::vector<MutableBuffer> buffers_;
};

}  // namespace

Result<std::vector<NamedTensor>> run_tensors(engine::Execution& execution,
                                             const ModelInfo& info,
                                             const std::vector<NamedTensor>& inputs,
                                             const std::vector<std::size_t>& outputs,
                                             const std::atomic<bool>* stop) {
  std::vector<engine::InputView> views;
  for (const NamedTensor& input : inputs) {
    views.push_back({.datatype = input.datatype, .shape = input.shape, .data = input.data.bytes()});
  }
  BufferAllocator allocator(outputs.size());
  SLUICE_TRY(
      execution.run({.inputs = views, .outputs = outputs, .allocator = &allocator, .stop = stop}));
  std::vector<NamedTensor> results = allocator.take();
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].name = info.outputs[outputs[i]].name;
  }
  return results;
}

}  // namespace sluice::model
