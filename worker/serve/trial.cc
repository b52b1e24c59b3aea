#include "worker/serve/trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/link/tensor_codec.h"
#include "worker/model/compare.h"
#include "worker/model/recorded_set.h"
#include "worker/serve/trial_inputs.h"

namespace sluice::worker {
namespace {

namespace fs = std::filesystem;

Result<Trial> trial_of(std::string name, const ServedModel& served, InferRequest request) {
  request.model = served.info.name;
  request.version = served.info.version;
  auto body = link::encode_infer(request);
  if (!body) {
    return with_context(std::move(body).error(), name);
  }
  Trial trial;
  trial.name = std::move(name);
  trial.body = *std::move(body);
  return trial;
}

Result<Trial> made_up_trial(const ServedModel& declared) {
  InferRequest request;
  SLUICE_TRY_ASSIGN(request.inputs, made_up_inputs(declared.info));
  SLUICE_TRY_ASSIGN(Trial trial, trial_of("made-up inputs", declared, std::move(request)));
  trial.as_declared = true;
  trial.made_up = true;
  return trial;
}

Result<Trial> sample_trial(const WarmUpSample& sample, const ServedModel& served) {
  std::string name = "warm-up sample '" + sample.name + "'";
  auto inputs = sample_inputs(sample);
  if (!inputs) {
    return with_context(std::move(inputs).error(), name);
  }
  InferRequest request;
  request.inputs = *std::move(inputs);
  SLUICE_TRY_ASSIGN(Trial trial, trial_of(std::move(name), served, std::move(request)));
  trial.count = std::clamp(sample.count, std::uint32_t{1}, limits::kWarmUpRuns);
  return trial;
}

Result<Trial> recorded_trial(const std::string& folder, const ServedModel& declared) {
  std::string name = "known answer '" + fs::path(folder).filename().string() + "'";
  auto set = model::read_recorded_set(folder, declared.facts);
  if (!set) {
    return with_context(std::move(set).error(), name);
  }
  InferRequest request;
  for (NamedTensor& input : set->inputs) {
    if (input.datatype != DataType::undefined) {
      request.inputs.push_back(std::move(input));
    }
  }
  for (const NamedTensor& output : set->outputs) {
    request.outputs.push_back(output.name);
  }
  SLUICE_TRY_ASSIGN(Trial trial, trial_of(std::move(name), declared, std::move(request)));
  trial.as_declared = true;
  trial.expected = std::move(set->outputs);
  return trial;
}

// Where the plan says; else beside the model's file, else in the model's folder.
std::vector<std::string> recorded_for(const ServingPlan& plan) {
  if (!plan.probe_dir.empty()) {
    return model::recorded_sets(plan.probe_dir);
  }
  const fs::path folder = fs::path(plan.model_path).parent_path();
  std::vector<std::string> sets = model::recorded_sets(folder.empty() ? "." : folder.string());
  if (sets.empty() && !plan.model_dir.empty()) {
    sets = model::recorded_sets(plan.model_dir);
  }
  return sets;
}

template <class Float>
bool is_finite_at(const std::byte* at) {
  Float value;
  std::memcpy(&value, at, sizeof value);
  return std::isfinite(value);
}

// Of a 16-bit float: not all bits of the exponent set.
bool is_finite_half(const std::byte* at, std::uint16_t exponent) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return (bits & exponent) != exponent;
}

bool all_finite(const NamedTensor& tensor) {
  const auto bytes = tensor.data.bytes();
  const auto every = [&](std::size_t width, auto finite) {
    for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
      if (!finite(bytes.data() + at)) {
        return false;
      }
    }
    return true;
  };
  switch (tensor.datatype) {
    case DataType::float32:
      return every(sizeof(float), is_finite_at<float>);
    case DataType::float64:
      return every(sizeof(double), is_finite_at<double>);
    case DataType::float16:
      return every(2, [](const std::byte* at) { return is_finite_half(at, 0x7C00); });
    case DataType::bfloat16:
      return every(2, [](const std::byte* at) { return is_finite_half(at, 0x7F80); });
    default:
      return true;
  }
}

}  // namespace

Result<Trials> make_trials(const ServingPlan& plan, ServedModel served) {
  Trials trials;
  trials.declared = as_declared(plan, served.facts);
  trials.served = std::move(served);
  for (const WarmUpSample& sample : plan.warm_ups) {
    SLUICE_TRY_ASSIGN(Trial trial, sample_trial(sample, trials.served));
    trials.warm_ups.push_back(std::move(trial));
  }
  if (trials.warm_ups.empty()) {
    SLUICE_TRY_ASSIGN(Trial trial, made_up_trial(trials.declared));
    trial.count = 2;  // the first makes what later ones use, the second is what a request costs
    trials.warm_ups.push_back(std::move(trial));
  }
  std::vector<std::string> recorded = recorded_for(plan);
  if (recorded.size() > limits::kKnownAnswers) {
    log_warn("known_answers_cut", {{"there", recorded.size()}, {"used", limits::kKnownAnswers}});
    recorded.resize(limits::kKnownAnswers);
  }
  for (const std::string& folder : recorded) {
    SLUICE_TRY_ASSIGN(Trial trial, recorded_trial(folder, trials.declared));
    trials.probes.push_back(std::move(trial));
  }
  trials.probe_kind = link::ProbeKind::known_answer;
  if (trials.probes.empty()) {
    SLUICE_TRY_ASSIGN(Trial trial, made_up_trial(trials.declared));
    trials.probes.push_back(std::move(trial));
    trials.probe_kind = link::ProbeKind::generated;
  }
  return trials;
}

Result<bool> judge(const Trial& trial, const link::Message& answer) {
  if (answer.header.kind == link::Kind::failure) {
    SLUICE_TRY_ASSIGN(link::Failure failure, link::decode_failure(answer.body));
    return with_context(std::move(failure.error), trial.name);
  }
  auto response = link::decode_result(answer.body);
  if (!response) {
    return with_context(std::move(response).error(), trial.name);
  }
  for (const NamedTensor& wanted : trial.expected) {
    const auto got = std::ranges::find(response->outputs, wanted.name, &NamedTensor::name);
    const std::string where = trial.name + ": output '" + wanted.name + "': ";
    if (got == response->outputs.end()) {
      return Error{ErrorCode::data_corrupt, where + "is missing"};
    }
    if (const auto wrong = model::difference(*got, wanted, {})) {
      return Error{ErrorCode::data_corrupt, where + *wrong};
    }
  }
  return std::ranges::all_of(response->outputs, all_finite);
}

}  // namespace sluice::worker
