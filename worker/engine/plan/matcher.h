// Matcher: finding chains of steps that are one operator, and putting it in their place. What the
// patterns share (patterns.cc, quantized_patterns.cc).

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/engine/plan/plan.h"

namespace sluice::engine {

class Matcher {
 public:
  Matcher(Plan& plan, const Registry& registry);

 protected:
  static constexpr std::size_t kNone = ~std::size_t{0};

  // Whether a step is there, of ai.onnx, of one result.
  [[nodiscard]] bool is(std::size_t step, std::string_view name) const;
  [[nodiscard]] const Node& node(std::size_t step) const { return plan_.steps[step].node; }
  [[nodiscard]] ValueId result(std::size_t step) const { return node(step).outputs[0]; }
  // The step named `name` that makes `value`.
  [[nodiscard]] std::size_t maker(ValueId value, std::string_view name) const;
  // The only reader of a step's result, when it is named `name`.
  [[nodiscard]] std::size_t only_reader(std::size_t step, std::string_view name) const;
  // Of two operands, the one that is not `value`; kNoValue when neither is, or both are.
  [[nodiscard]] ValueId other(std::size_t step, ValueId value) const;
  // The one number of a float32 constant.
  [[nodiscard]] std::optional<float> number(ValueId value) const;
  [[nodiscard]] bool is_number(ValueId value, double wanted) const;
  // Of two operands, the one that is a number, and the other.
  [[nodiscard]] std::optional<std::pair<float, ValueId>> number_and_other(std::size_t step) const;
  [[nodiscard]] static bool is_near(float found, double wanted);
  // Whether `axis`, as a file gives it, is the last of `rank` axes. Any number may stand in a file.
  [[nodiscard]] static bool is_last(std::int64_t axis, std::size_t rank) {
    return axis == -1 || axis == static_cast<std::int64_t>(rank) - 1;
  }
  // An attribute's number.
  [[nodiscard]] static std::int64_t integer_named(const Node& node,
                                                  std::string_view name,
                                                  std::int64_t otherwise = 0);
  [[nodiscard]] static float real_named(const Node& node, std::string_view name, float otherwise);
  // Whether nobody but these steps reads what they make, the last one's result aside.
  [[nodiscard]] bool closed(const std::vector<std::size_t>& steps, std::size_t last) const;

  // `last` becomes `made`, which has its result and its name; `steps` go. All stays as it is where
  // the plan will be a file that cannot hold `made`.
  Result<void> replace(const std::vector<std::size_t>& steps, std::size_t last, Node made);
  // `made`, as it is, comes right behind `step`.
  Result<void> add_behind(std::size_t step, Node made);
  // A value that nothing makes yet, or a constant. Only before infer_typical.
  ValueId add_value(std::string name);
  ValueId add_constant(std::string name, Tensor tensor);
  // The steps that were replaced leave the plan, those that were added come in.
  void drop_gone();

  Plan& plan_;
  const Registry& registry_;
  std::vector<std::size_t> makers_;                // by value
  std::vector<std::vector<std::size_t>> readers_;  // by value; kNone: the graph's output
  std::vector<bool> gone_;
  std::multimap<std::size_t, Step> behind_;  // by the step before
};

}  // namespace sluice::engine
