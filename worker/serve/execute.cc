#include "worker/serve/execute.h"

#include <algorithm>
#include <exception>
#include <new>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/link/tensor_codec.h"

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

// The wanted outputs as indices of the model's; all when the request names none.
std::vector<std::size_t> wanted_outputs(const InferRequest& request, const ModelInfo& model) {
  std::vector<std::size_t> wanted;
  if (request.outputs.empty()) {
    wanted.resize(model.outputs.size());
    std::iota(wanted.begin(), wanted.end(), std::size_t{0});
    return wanted;
  }
  for (const std::string& name : request.outputs) {
    const auto found = std::ranges::find(model.outputs, name, &ValueInfo::name);
    SLUICE_CHECK(found != model.outputs.end());  // validate() has seen to that
    wanted.push_back(static_cast<std::size_t>(found - model.outputs.begin()));
  }
  return wanted;
}

// In the model's order; an optional one that was left out has datatype undefined.
std::vector<engine::InputView> views_of(const InferRequest& request, const ModelInfo& model) {
  std::vector<engine::InputView> views(model.inputs.size());
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const auto found = std::ranges::find(request.inputs, model.inputs[i].name, &NamedTensor::name);
    if (found != request.inputs.end()) {
      views[i] = {found->datatype, found->shape, found->data.bytes()};
    }
  }
  return views;
}

Result<InferRequest> accepted(const Job& job, const ModelInfo& model) {
  SLUICE_TRY_ASSIGN(InferRequest request, link::decode_infer(job.body));
  if (request.model != model.name || request.version.value_or(model.version) != model.version) {
    return Error{ErrorCode::unavailable,
                 "this worker serves '" + model.name + "' version " +
                     std::to_string(model.version) + " alone"};
  }
  SLUICE_TRY(validate(request, model));
  return request;
}

// From the engine's first instruction on.
Result<InferResponse> run(const InferRequest& request,
                          const ModelInfo& model,
                          engine::Execution& execution,
                          const std::atomic<bool>& stop) {
  const auto wanted = wanted_outputs(request, model);
  const auto inputs = views_of(request, model);
  Outputs outputs(wanted.size());
  SLUICE_TRY(
      execution.run({.inputs = inputs, .outputs = wanted, .allocator = &outputs, .stop = &stop}));
  InferResponse response;
  response.model = model.name;
  response.version = model.version;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string& name = model.outputs[wanted[i]].name;
    if (!outputs.has(i)) {
      return Error{ErrorCode::internal, "the engine gave no output '" + name + "'"};
    }
    response.outputs.push_back(outputs.take(i, name));
  }
  return response;
}

Result<InferResponse> run_guarded(const InferRequest& request,
                                  const ModelInfo& model,
                                  engine::Execution& execution,
                                  const std::atomic<bool>& stop) {
  try {
    return run(request, model, execution, stop);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "not enough memory to run the model"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::internal, std::string("the engine threw: ") + error.what()};
  }
}

Executed execute_unguarded(const Job& job,
                           const ModelInfo& model,
                           engine::Execution& execution,
                           const std::atomic<bool>& stop,
                           const Clock& clock,
                           link::Encoder& encoder) {
  auto request = accepted(job, model);
  if (!request) {
    return {.outcome = Outcome::refused,
            .service = std::nullopt,
            .answer = failure_of(job.id, job.attempt, request.error())};
  }
  const TimePoint begun = clock.now();
  auto response = run_guarded(*request, model, execution, stop);
  const Duration compute = clock.now() - begun;
  Executed executed{.outcome = Outcome::executed, .service = compute, .answer = {}};
  if (response) {
    response->timing = {.queue = begun - job.received, .compute = compute};
    auto body = encoder.result(*response);
    if (body) {
      executed.answer = {
          .header = {.kind = link::Kind::result, .id = job.id, .attempt = job.attempt},
          .body = *std::move(body)};
      return executed;
    }
    response = std::move(body).error();
  }
  if (response.error().code == ErrorCode::cancelled && stop.load(std::memory_order_relaxed)) {
    executed.outcome = Outcome::cancelled;
    executed.service = std::nullopt;  // cut short: it says nothing of the mean
  }
  executed.answer = failure_of(job.id, job.attempt, response.error());
  return executed;
}

}  // namespace

link::Message failure_of(RequestId id, std::uint32_t attempt, const Error& error) {
  return {.header = {.kind = link::Kind::failure, .id = id, .attempt = attempt},
          .body = link::encode_failure(error)};
}

Executed execute(const Job& job,
                 const ModelInfo& model,
                 engine::Execution& execution,
                 const std::atomic<bool>& stop,
                 const Clock& clock,
                 link::Encoder& encoder) {
  try {
    return execute_unguarded(job, model, execution, stop, clock, encoder);
  } catch (const std::bad_alloc&) {
    return {.outcome = Outcome::refused,
            .service = std::nullopt,
            .answer = failure_of(job.id,
                                 job.attempt,
                                 {ErrorCode::resource_exhausted,
                                  "not enough memory to read the request or to answer it"})};
  }
}

}  // namespace sluice::worker
