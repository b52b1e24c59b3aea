#include "worker/serve/run_request.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "worker/model/repository/completion.h"

namespace sluice::worker {
namespace {

// Collects the outputs of one run, together within the bytes a link message can carry.
class Outputs final : public engine::OutputAllocator {
 public:
  explicit Outputs(std::size_t count) : slots_(count) {}

  Result<std::span<std::byte>> allocate(std::size_t index,
                                        DataType datatype,
                                        const Shape& shape,
                                        std::size_t size) override {
    SLUICE_CHECK(index < slots_.size());
    constexpr auto kMost = static_cast<std::size_t>(limits::kLinkMessageBytes);
    if (size > kMost - total_) {
      return Error{ErrorCode::resource_exhausted,
                   "the outputs are larger than " + std::to_string(kMost) + " bytes"};
    }
    total_ += size;
    Slot& slot = slots_[index];
    slot = {.datatype = datatype, .shape = shape, .bytes = MutableBuffer(size)};
    return slot.bytes.bytes();
  }

  NamedTensor take(std::size_t index, const std::string& name) {
    Slot& slot = slots_[index];
    return {.name = name,
            .datatype = slot.datatype,
            .shape = std::move(slot.shape),
            .data = std::move(slot.bytes).freeze()};
  }

  [[nodiscard]] bool has(std::size_t index) const {
    return slots_[index].datatype != DataType::undefined;
  }

 private:
  struct Slot {
    DataType datatype = DataType::undefined;
    Shape shape{};
    MutableBuffer bytes{};
  };
  std::vector<Slot> slots_;
  std::size_t total_ = 0;
};

std::size_t place_of(const ServedModel& served, const std::string& output) {
  const auto& outputs = served.facts.outputs;
  const auto found = std::ranges::find(outputs, output, &ValueInfo::name);
  SLUICE_CHECK(found != outputs.end());  // validate() has seen to that
  return static_cast<std::size_t>(found - outputs.begin());
}

// The wanted outputs as the engine's places; all that are served when the request names none.
std::vector<std::size_t> wanted_outputs(const InferRequest& request, const ServedModel& served) {
  std::vector<std::size_t> wanted;
  if (request.outputs.empty()) {
    for (const ValueInfo& output : served.info.outputs) {
      wanted.push_back(place_of(served, output.name));
    }
    return wanted;
  }
  for (const std::string& output : request.outputs) {
    wanted.push_back(place_of(served, output));
  }
  return wanted;
}

const repository::TensorConfig* config_of(const std::vector<repository::TensorConfig>& tensors,
                                          const std::string& name) {
  const auto found = std::ranges::find(tensors, name, &repository::TensorConfig::name);
  return found != tensors.end() && found->reshape ? &*found : nullptr;
}

// In the engine's order; an optional one that was left out has datatype undefined. `shapes` holds
// those that differ from the request's.
Result<std::vector<engine::InputView>> views_of(const InferRequest& request,
                                                const ServedModel& served,
                                                std::vector<Shape>& shapes) {
  const auto& declared = served.facts.inputs;
  std::vector<engine::InputView> views(declared.size());
  for (std::size_t i = 0; i < declared.size(); ++i) {
    const auto found = std::ranges::find(request.inputs, declared[i].name, &NamedTensor::name);
    if (found == request.inputs.end()) {
      continue;
    }
    views[i] = {found->datatype, found->shape, found->data.bytes()};
    const auto* config = served.reshapes ? config_of(served.config.inputs, found->name) : nullptr;
    if (config != nullptr) {
      shapes.resize(declared.size());
      SLUICE_TRY_ASSIGN(
          shapes[i],
          repository::to_model_shape(*config, served.config.max_batch_size, found->shape));
      views[i].shape = shapes[i];
    }
  }
  return views;
}

Result<std::vector<NamedTensor>> run(const InferRequest& request,
                                     const ServedModel& served,
                                     engine::Execution& execution,
                                     const std::atomic<bool>* stop) {
  const auto wanted = wanted_outputs(request, served);
  std::vector<Shape> shapes;
  SLUICE_TRY_ASSIGN(const auto inputs, views_of(request, served, shapes));
  Outputs outputs(wanted.size());
  SLUICE_TRY(
      execution.run({.inputs = inputs, .outputs = wanted, .allocator = &outputs, .stop = stop}));
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string& name = served.facts.outputs[wanted[i]].name;
    if (!outputs.has(i)) {
      return Error{ErrorCode::internal, "the engine gave no output '" + name + "'"};
    }
    NamedTensor tensor = outputs.take(i, name);
    const auto* config = served.reshapes ? config_of(served.config.outputs, name) : nullptr;
    if (config != nullptr) {
      auto shape = repository::to_client_shape(*config, served.config.max_batch_size, tensor.shape);
      if (!shape) {
        return Error{ErrorCode::internal, std::move(shape).error().detail};
      }
      tensor.shape = *std::move(shape);
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

Result<std::vector<NamedTensor>> run_request(const InferRequest& request,
                                             const ServedModel& served,
                                             engine::Execution& execution,
                                             const std::atomic<bool>* stop) {
  try {
    return run(request, served, execution, stop);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "not enough memory to run the model"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::internal, std::string("the engine threw: ") + error.what()};
  }
}

}  // namespace sluice::worker
