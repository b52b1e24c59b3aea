// Constant, ConstantOfShape, Shape, Size: values that the plan knows before a run.
// Spec: https://onnx.ai/onnx/operators/ (read 2026-11).
// Types: all; ConstantOfShape without strings.
// Opsets: Constant has value_int, value_floats, ... since 12; Shape has start and end since 15.
// Refused: sparse_value.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ConstantParams {
  std::shared_ptr<Constant> value{};
};

template <class T>
std::shared_ptr<Constant> constant_of(Shape dims, std::vector<T> values) {
  return std::make_shared<Constant>(Tensor::of<T>(std::move(dims), std::move(values)));
}

Shape length_of(std::size_t count) {
  return {static_cast<std::int64_t>(count)};
}

Result<ConstantParams> parse_constant(const Node& node) {
  Attributes attributes(node);
  ConstantParams params;
  if (attributes.has("sparse_value")) {
    return Error{ErrorCode::unsupported, "sparse_value"};
  }
  SLUICE_TRY_ASSIGN(params.value, attributes.tensor("value"));
  if (node.since >= 12 && params.value == nullptr) {
    if (attributes.has("value_int")) {
      SLUICE_TRY_ASSIGN(const std::int64_t value, attributes.integer("value_int", 0));
      params.value = constant_of<std::int64_t>({}, {value});
    } else if (attributes.has("value_float")) {
      SLUICE_TRY_ASSIGN(const float value, attributes.real("value_float", 0));
      params.value = constant_of<float>({}, {value});
    } else if (attributes.has("value_string")) {
      SLUICE_TRY_ASSIGN(std::string value, attributes.text("value_string", ""));
      params.value = constant_of<std::string>({}, {std::move(value)});
    } else if (attributes.has("value_ints")) {
      SLUICE_TRY_ASSIGN(auto values, attributes.integers("value_ints"));
      params.value = constant_of<std::int64_t>(length_of(values.size()), values);
    } else if (attributes.has("value_floats")) {
      SLUICE_TRY_ASSIGN(auto values, attributes.reals("value_floats"));
      params.value = constant_of<float>(length_of(values.size()), values);
    } else if (attributes.has("value_strings")) {
      SLUICE_TRY_ASSIGN(auto values, attributes.texts("value_strings"));
      params.value = constant_of<std::string>(length_of(values.size()), values);
    }
  }
  SLUICE_TRY(attributes.finish());
  if (params.value == nullptr) {
    return Error{ErrorCode::data_corrupt, "has no value"};
  }
  return params;
}

Result<OutputFacts> infer_constant(const ConstantParams& params, const InputFacts&) {
  return one_output(params.value->datatype(), params.value->dims());
}

Result<void> run_constant(const ConstantParams& params, KernelContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView value, params.value->view());
  copy_elements(value, context.output(0));
  return {};
}

// --- ConstantOfShape -----------------------------------------------------------------------------

Result<ConstantParams> parse_constant_of_shape(const Node& node) {
  Attributes attributes(node);
  ConstantParams params;
  SLUICE_TRY_ASSIGN(params.value, attributes.tensor("value"));
  SLUICE_TRY(attributes.finish());
  if (params.value == nullptr) {
    params.value = constant_of<float>({1}, {0.0F});
  }
  SLUICE_TRY_ASSIGN(const TensorView value, params.value->view());
  if (value.count != 1 || value.datatype == DataType::string) {
    return Error{ErrorCode::data_corrupt, "its value must be one number"};
  }
  return params;
}

Result<OutputFacts> infer_constant_of_shape(const ConstantParams& params, const InputFacts& facts) {
  if (facts.at(0).value == nullptr) {
    return data_dependent(params.value->datatype());
  }
  SLUICE_TRY_ASSIGN(Shape dims, integers_of(*facts.at(0).value));
  SLUICE_TRY(element_count(dims));
  return one_output(params.value->datatype(), std::move(dims));
}

Result<void> run_constant_of_shape(const ConstantParams& params, KernelContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView value, params.value->view());
  TensorView& y = context.output(0);
  dispatch_element(y.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    std::fill_n(elements<T>(y), y.count, elements<T>(value)[0]);
  });
  return {};
}

// --- Shape, Size ---------------------------------------------------------------------------------

struct ShapeParams {
  std::int64_t start = 0;
  std::optional<std::int64_t> end{};
};

Result<ShapeParams> parse_shape(const Node& node) {
  Attributes attributes(node);
  ShapeParams params;
  if (node.since >= 15) {
    SLUICE_TRY_ASSIGN(params.start, attributes.integer("start", 0));
    if (attributes.has("end")) {
      SLUICE_TRY_ASSIGN(params.end, attributes.integer("end", 0));
    }
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

// The part of `dims` between start and end, both clamped as in Python.
Shape part_of(const ShapeParams& params, Dims dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto clamp = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t start = clamp(params.start);
  const std::int64_t end = std::max(start, params.end ? clamp(*params.end) : rank);
  return {dims.begin() + start, dims.begin() + end};
}

Result<OutputFacts> infer_shape(const ShapeParams& params, const InputFacts& facts) {
  const Shape part = part_of(params, facts.at(0).dims);
  OutputFacts made = one_output(DataType::int64, length_of(part.size()));
  made[0].value =
      std::make_shared<const Tensor>(Tensor::of<std::int64_t>(length_of(part.size()), part));
  return made;
}

Result<void> run_shape(const ShapeParams& params, KernelContext& context) {
  const Shape part = part_of(params, context.input(0).dims);
  std::ranges::copy(part, context.output(0).mut<std::int64_t>().begin());
  return {};
}

Result<OutputFacts> infer_size(const NoParams&, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(facts.at(0).dims));
  OutputFacts made = one_output(DataType::int64, {});
  made[0].value = std::make_shared<const Tensor>(Tensor::of<std::int64_t>({}, {count}));
  return made;
}

Result<void> run_size(const NoParams&, KernelContext& context) {
  context.output(0).mut<std::int64_t>()[0] = context.input(0).count;
  return {};
}

}  // namespace

void register_constant(Registry& registry) {
  registry.add({.name = "Constant",
                .since = {1, 9, 11, 12, 13, 19, 21, 23, 24},
                .arity = {0, 0, 1},
                .kernel = kernel<parse_constant, infer_constant, run_constant>(),
                .halves = HalfRule::native});
  registry.add(
      {.name = "ConstantOfShape",
       .since = {9, 20, 21, 23, 24},
       .kernel = kernel<parse_constant_of_shape, infer_constant_of_shape, run_constant_of_shape>(),
       .halves = HalfRule::native});
  registry.add({.name = "Shape",
                .since = {1, 13, 15, 19, 21, 23, 24},
                .kernel = kernel<parse_shape, infer_shape, run_shape>(),
                .halves = HalfRule::native});
  registry.add({.name = "Size",
                .since = {1, 13, 19, 21, 23, 24},
                .kernel = kernel<parse_nothing, infer_size, run_size>(),
                .halves = HalfRule::native});
}

}  // namespace sluice::engine
