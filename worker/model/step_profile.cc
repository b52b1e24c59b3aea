#include "worker/model/step_profile.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "common/tensor/datatype.h"
#include "common/tensor/shape.h"

namespace sluice::model {
namespace {

using Operands = std::span<const engine::StepReport::Operand>;

double count_of(std::span<const std::int64_t> shape) {
  double count = 1;
  for (const std::int64_t extent : shape) {
    count *= static_cast<double>(extent);
  }
  return count;
}

double bytes_of(Operands operands) {
  double bytes = 0;
  for (const auto& operand : operands) {
    bytes += count_of(operand.shape) * static_cast<double>(element_size(operand.datatype));
  }
  return bytes;
}

// Gathers and slices read of their first input what they write.
double bytes_read(const engine::StepReport& step) {
  constexpr std::string_view kPickers[] = {"Gather", "GatherElements", "GatherND", "Slice"};
  const bool picks = std::ranges::find(kPickers, step.op_type) != std::end(kPickers);
  return picks && !step.inputs.empty() ? bytes_of(step.outputs) + bytes_of(step.inputs.subspan(1))
                                       : bytes_of(step.inputs);
}

std::string shapes_of(Operands operands) {
  std::string text;
  for (const auto& operand : operands) {
    text += text.empty() ? "" : " ";
    text += operand.datatype == DataType::undefined
                ? std::string("-")
                : std::string(kserve_name_of(operand.datatype)) + to_string(operand.shape);
  }
  return text;
}

bool has(Operands operands, std::size_t i, std::size_t rank) {
  return i < operands.size() && operands[i].datatype != DataType::undefined &&
         operands[i].shape.size() >= rank;
}

// k of [..., m, k] times [..., k, n], however A is stored.
double inner_extent(const engine::StepReport& product) {
  const std::size_t b_at = product.op_type == "QLinearMatMul" ? 3 : 1;
  if (!has(product.inputs, 0, 1) || !has(product.inputs, b_at, 1)) {
    return 0;
  }
  const auto a = product.inputs[0].shape;
  const auto c = product.outputs[0].shape;
  if (a.size() == 1 || product.inputs[b_at].shape.size() == 1 || c.size() < 2) {
    return static_cast<double>(a.back());
  }
  const double rows = static_cast<double>(c[c.size() - 2]);
  return rows == 0 ? 0 : count_of(a.last(2)) / rows;
}

}  // namespace

double operations_of(const engine::StepReport& step) {
  struct Place {
    std::string_view op_type;
    std::size_t weights;  // the input that has them
  };
  constexpr Place kConvolutions[] = {
      {"Conv", 1}, {"ConvInteger", 1}, {"QLinearConv", 3}, {"ConvToBytes", 3}};
  constexpr Place kRecurrent[] = {{"LSTM", 2}, {"GRU", 2}, {"RNN", 2}};
  constexpr std::string_view kProducts[] = {"MatMul",
                                            "Gemm",
                                            "FusedMatMul",
                                            "MatMulInteger",
                                            "QLinearMatMul",
                                            "MatMulIntegerToFloat",
                                            "MatMulNBits"};
  if (!has(step.outputs, 0, 0)) {
    return 0;
  }
  const double results = count_of(step.outputs[0].shape);
  for (const auto& [op_type, weights] : kConvolutions) {
    if (step.op_type == op_type && has(step.inputs, weights, 3)) {
      const auto filter = step.inputs[weights].shape;
      return 2 * results * count_of(filter.subspan(1));
    }
  }
  if (std::ranges::find(kProducts, step.op_type) != std::end(kProducts)) {
    return 2 * results * inner_extent(step);
  }
  // Each step of a direction multiplies its input and its state with the gates' weights.
  for (const auto& [op_type, recurrence] : kRecurrent) {
    if (step.op_type == op_type && has(step.inputs, 0, 3) && has(step.inputs, 1, 3) &&
        has(step.inputs, recurrence, 3)) {
      const auto x = step.inputs[0].shape;
      const double steps = static_cast<double>(x[0]) * static_cast<double>(x[1]);
      return 2 * steps * (count_of(step.inputs[1].shape) + count_of(step.inputs[recurrence].shape));
    }
  }
  return 0;
}

void StepProfile::begin_run() {
  ++runs_;
  next_ = 0;
}

void StepProfile::on_step(const engine::StepReport& report) {
  if (next_ == 0) {
    started_ = report.begin;
  }
  if (next_ == steps_.size()) {
    steps_.push_back({.node = std::string(report.node),
                      .op_type = std::string(report.op_type),
                      .implementation = std::string(report.implementation),
                      .shapes = shapes_of(report.inputs) + " -> " + shapes_of(report.outputs),
                      .operations = operations_of(report),
                      .bytes = bytes_read(report) + bytes_of(report.outputs)});
  }
  ProfiledStep& step = steps_[next_++];
  step.total += report.end - report.begin;
  step.begin = report.begin - started_;
  step.end = report.end - started_;
}

}  // namespace sluice::model
