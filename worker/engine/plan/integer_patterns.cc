// Patterns of dynamically quantised models: an integer product and what makes floats of it become
// one step, which keeps the sums in registers.
//
//   MatMulInteger, Cast, Mul          MatMulIntegerToFloat
//   ConvInteger, Cast, Mul            ConvIntegerToFloat
//
// fuse_steps adds the bias and the activation. The answer is the same to the last bit. Taken where
// B (the weights) is one constant matrix; A's zero point one number; the scale one number or, of a
// matrix, one for each column, whatever the shapes of a run: constants, what DynamicQuantizeLinear
// gives, and products of them.

#include <utility>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

class IntegerPatterns : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "MatMulInteger") || is(i, "ConvInteger")) {
        SLUICE_TRY(take_product(i));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // Whether DynamicQuantizeLinear makes `value` as its scale (1) or its zero point (2).
  [[nodiscard]] bool is_dynamic(ValueId value, std::size_t output) const {
    const std::size_t step = makers_[value];
    return step != kNone && node(step).op_type == "DynamicQuantizeLinear" &&
           node(step).domain.empty() && node(step).outputs.size() > output &&
           node(step).outputs[output] == value;
  }
  // A constant of one number, or of `many` in one dimension.
  [[nodiscard]] bool is_list(ValueId value, std::int64_t many) const {
    if (!plan_.is_constant(value)) {
      return false;
    }
    const Shape& dims = plan_.constants[value]->dims();
    return dims.empty() || (dims.size() == 1 && (dims[0] == 1 || dims[0] == many));
  }
  [[nodiscard]] bool is_scale(ValueId value, std::int64_t many) const;
  Result<void> take_product(std::size_t product);
};

bool IntegerPatterns::is_scale(ValueId value, std::int64_t many) const {
  const auto is_factor = [&](ValueId factor) {
    return factor != kNoValue && (is_list(factor, many) || is_dynamic(factor, 1));
  };
  const std::size_t product = maker(value, "Mul");
  return is_factor(value) || (product != kNone && is_factor(node(product).inputs[0]) &&
                              is_factor(node(product).inputs[1]));
}

Result<void> IntegerPatterns::take_product(std::size_t product) {
  std::size_t cast = only_reader(product, "Cast");
  cast = cast != kNone ? cast : only_reader(product, "CastLike");
  const std::size_t scaled = cast == kNone ? kNone : only_reader(cast, "Mul");
  if (scaled == kNone || node(cast).inputs[0] != result(product) ||
      plan_.datatypes[result(cast)] != DataType::float32) {
    return {};
  }
  const Node& from = node(product);
  const bool is_conv = is(product, "ConvInteger");
  const ValueId b = from.inputs[1];
  const ValueId a_zero = from.has_input(2) ? from.inputs[2] : kNoValue;
  const ValueId b_zero = from.has_input(3) ? from.inputs[3] : kNoValue;
  if (!plan_.is_constant(b)) {
    return {};
  }
  const Shape& dims = plan_.constants[b]->dims();
  if (is_conv ? dims.size() < 3 : dims.size() != 2) {
    return {};
  }
  const std::int64_t results = is_conv ? dims[0] : dims[1];  // filters or columns
  const ValueId scale = other(scaled, result(cast));
  if ((a_zero != kNoValue && !is_list(a_zero, 1) && !is_dynamic(a_zero, 2)) ||
      (b_zero != kNoValue && !is_list(b_zero, results)) || scale == kNoValue ||
      !is_scale(scale, is_conv ? 1 : results)) {
    return {};
  }
  Node made;
  made.op_type = is_conv ? "ConvIntegerToFloat" : "MatMulIntegerToFloat";
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs = {from.inputs[0], b, kNoValue, a_zero, b_zero, scale};
  made.attributes = from.attributes;
  return replace({product, cast}, scaled, std::move(made));
}

}  // namespace

Result<void> take_integer_patterns(Plan& plan, const Registry& registry) {
  return IntegerPatterns(plan, registry).run();
}

}  // namespace sluice::engine
