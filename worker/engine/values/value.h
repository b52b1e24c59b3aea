// Value: what a name in a graph stands for while it runs, where that may be more than a tensor.
// Cheap to copy: what it holds is shared and never changes.

#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/result.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

struct Sequence;

// A tensor, a sequence, or an optional that holds nothing. (One that holds something is that.)
class Value {
 public:
  Value() = default;  // holds nothing
  explicit Value(Tensor tensor) : tensor_(std::make_shared<const Tensor>(std::move(tensor))) {}
  explicit Value(std::shared_ptr<const Tensor> tensor) : tensor_(std::move(tensor)) {}
  explicit Value(Sequence sequence);

  [[nodiscard]] bool is_tensor() const noexcept { return tensor_ != nullptr; }
  [[nodiscard]] bool is_sequence() const noexcept { return sequence_ != nullptr; }
  [[nodiscard]] const Tensor& tensor() const {
    SLUICE_CHECK(tensor_ != nullptr);
    return *tensor_;
  }
  [[nodiscard]] const Sequence& sequence() const {
    SLUICE_CHECK(sequence_ != nullptr);
    return *sequence_;
  }

 private:
  std::shared_ptr<const Tensor> tensor_;
  std::shared_ptr<const Sequence> sequence_;
};

struct Sequence {
  std::vector<Value> items;  // tensors of one datatype
};

inline Value::Value(Sequence sequence)
    : sequence_(std::make_shared<const Sequence>(std::move(sequence))) {}

// An input of an operator over values.
struct ValueInput {
  bool present = false;          // false: left out
  TensorView tensor{};           // without datatype where it is no tensor
  const Value* value = nullptr;  // what it is; null for a tensor in memory that will be used again

  [[nodiscard]] bool is_tensor() const { return tensor.datatype != DataType::undefined; }
};

// As an input, valid as long as `value` is.
ValueInput input_of(const Value& value);
// A value of its own: a copy where the input looks at memory of others.
Result<Value> value_of(const ValueInput& input);

}  // namespace sluice::engine
