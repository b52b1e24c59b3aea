#include "worker/serve/execute.h"

#include <new>
#include <string>
#include <utility>
#include <vector>

#include "common/link/tensor_codec.h"
#include "worker/serve/run_request.h"

namespace sluice::worker {
namespace {

// Where a batch stands in front of every tensor: all the same, and no more than the configuration
// allows. In the words that clients of Triton know.
Result<void> check_rows(const InferRequest& request, const ServedModel& served) {
  if (served.max_rows == 0 || request.inputs.empty()) {
    return {};
  }
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorCode::invalid_argument, what + " for '" + served.info.name + "'"};
  };
  for (const NamedTensor& input : request.inputs) {
    if (input.shape.empty()) {
      return wrong("input '" + input.name + "' has no shape but model requires batch dimension");
    }
    if (input.shape.front() != request.inputs.front().shape.front()) {
      return wrong("input '" + input.name + "' batch size does not match other inputs");
    }
  }
  if (request.inputs.front().shape.front() > served.max_rows) {
    return wrong("inference request batch-size must be <= " + std::to_string(served.max_rows));
  }
  return {};
}

Executed execute_unguarded(const Job& job,
                           const ServedModel& served,
                           engine::Execution& execution,
                           const std::atomic<bool>& stop,
                           const Clock& clock,
                           link::Encoder& encoder) {
  auto request = accept(job, served);
  if (!request) {
    return {.outcome = Outcome::refused,
            .service = std::nullopt,
            .answer = failure_of(job.id, job.attempt, request.error())};
  }
  const TimePoint begun = clock.now();
  auto outputs = run_request(*request, served, execution, &stop);
  const Duration compute = clock.now() - begun;
  Executed executed{.outcome = Outcome::executed, .service = compute, .answer = {}};
  if (!outputs && outputs.error().code == ErrorCode::cancelled &&
      stop.load(std::memory_order_relaxed)) {
    executed.outcome = Outcome::cancelled;
    executed.service = std::nullopt;  // cut short: it says nothing of the mean
  }
  executed.answer = answer_of(job,
                              served,
                              std::move(outputs),
                              {.queue = begun - job.received, .compute = compute},
                              encoder);
  return executed;
}

}  // namespace

link::Message failure_of(RequestId id, std::uint32_t attempt, const Error& error) {
  return {.header = {.kind = link::Kind::failure, .id = id, .attempt = attempt},
          .body = link::encode_failure(error)};
}

Result<InferRequest> accept(const Job& job, const ServedModel& served) {
  SLUICE_TRY_ASSIGN(InferRequest request, link::decode_infer(job.body));
  const ModelInfo& model = served.info;
  if (request.model != model.name || request.version.value_or(model.version) != model.version) {
    return Error{ErrorCode::unavailable,
                 "this worker serves '" + model.name + "' version " +
                     std::to_string(model.version) + " alone"};
  }
  SLUICE_TRY(validate(request, model));
  SLUICE_TRY(check_rows(request, served));
  return request;
}

link::Message answer_of(const Job& job,
                        const ServedModel& served,
                        Result<std::vector<NamedTensor>> outputs,
                        const InferTiming& timing,
                        link::Encoder& encoder) {
  if (!outputs) {
    return failure_of(job.id, job.attempt, outputs.error());
  }
  auto body = encoder.result({.model = served.info.name,
                              .version = served.info.version,
                              .outputs = *std::move(outputs),
                              .timing = timing});
  if (!body) {
    return failure_of(job.id, job.attempt, body.error());
  }
  return {.header = {.kind = link::Kind::result, .id = job.id, .attempt = job.attempt},
          .body = *std::move(body)};
}

Executed execute(const Job& job,
                 const ServedModel& served,
                 engine::Execution& execution,
                 const std::atomic<bool>& stop,
                 const Clock& clock,
                 link::Encoder& encoder) {
  try {
    return execute_unguarded(job, served, execution, stop, clock, encoder);
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
