#include "worker/engine/values/value.h"

#include "worker/engine/graph/kernel.h"

namespace sluice::engine {
namespace {

Error wrong_kind(const ValueContext& context, std::size_t i, const char* wanted) {
  const bool left_out = !context.has(i);
  const bool tensor = !left_out && context.inputs()[i].is_tensor();
  const bool sequence =
      !left_out && context.inputs()[i].value != nullptr && context.inputs()[i].value->is_sequence();
  const char* seen = left_out   ? "is left out"
                     : tensor   ? "is a tensor"
                     : sequence ? "is a sequence"
                                : "holds nothing";
  return {ErrorCode::invalid_argument,
          "its input " + std::to_string(i) + " " + seen + ", it wants " + wanted};
}

}  // namespace

ValueInput input_of(const Value& value) {
  return {.present = true,
          .tensor = value.is_tensor() ? value.tensor().view() : TensorView{},
          .value = &value};
}

Result<Value> value_of(const ValueInput& input) {
  if (input.value != nullptr) {
    return *input.value;
  }
  if (!input.is_tensor()) {
    return Value();
  }
  const TensorView& from = input.tensor;
  SLUICE_TRY_ASSIGN(Tensor copy,
                    Tensor::create(from.datatype, {from.dims.begin(), from.dims.end()}));
  TensorView to = copy.view();
  copy_elements(from, to);
  return Value(std::move(copy));
}

Result<TensorView> ValueContext::tensor(std::size_t i) const {
  if (!has(i) || !inputs()[i].is_tensor()) {
    return wrong_kind(*this, i, "a tensor");
  }
  return inputs()[i].tensor;
}

Result<const Sequence*> ValueContext::sequence(std::size_t i) const {
  if (!has(i) || inputs()[i].value == nullptr || !inputs()[i].value->is_sequence()) {
    return wrong_kind(*this, i, "a sequence");
  }
  return &inputs()[i].value->sequence();
}

Result<std::int64_t> ValueContext::integer(std::size_t i) const {
  SLUICE_TRY_ASSIGN(const TensorView view, tensor(i));
  SLUICE_TRY_ASSIGN(const std::vector<std::int64_t> values, integers_of(view));
  if (values.size() != 1) {
    return Error{ErrorCode::invalid_argument,
                 "its input " + std::to_string(i) + " has " + std::to_string(values.size()) +
                     " elements, it wants one"};
  }
  return values[0];
}

}  // namespace sluice::engine
