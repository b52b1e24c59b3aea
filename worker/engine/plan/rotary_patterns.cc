// Rotary positions as exporters write them out over neighbouring elements:
//
//   Gather(x, 0), Gather(x, 1), Mul x 4, Sub, Add, Unsqueeze x 2, Concat    RotatePairs
//
// Each pair of x [..., P, 2] is turned by the angle whose cosine and sine are given for it. Nobody
// else reads what lies inside; float32 alone. The answer is the same to the last bit.

#include <utility>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

class RotaryPatterns : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "Concat")) {
        SLUICE_TRY(take_pairs(i));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // Two products, of the first and of the second element of each pair.
  struct Products {
    std::size_t first = kNone;
    std::size_t second = kNone;
  };

  [[nodiscard]] bool is_last_of(ValueId value, std::int64_t axis) const {
    const auto& dims = plan_.typical[value];
    return axis == -1 || (dims && is_last(axis, dims->size()));
  }
  [[nodiscard]] std::optional<std::int64_t> integer_of(ValueId value) const;
  [[nodiscard]] std::size_t stretched(ValueId value) const;
  [[nodiscard]] std::size_t element(ValueId value, std::int64_t index) const;
  [[nodiscard]] Products products(std::size_t sum) const;
  [[nodiscard]] ValueId factor(std::size_t product, std::size_t gather) const {
    return other(product, result(gather));
  }
  Result<void> take_pairs(std::size_t concat);
};

std::optional<std::int64_t> attribute_of(const Node& node, std::string_view name) {
  for (const Attribute& attribute : node.attributes) {
    if (attribute.name == name) {
      return attribute.kind == AttributeKind::integer ? attribute.integer
             : attribute.integers.size() == 1         ? std::optional(attribute.integers[0])
                                                      : std::nullopt;
    }
  }
  return std::nullopt;
}

// The one number of a constant.
std::optional<std::int64_t> RotaryPatterns::integer_of(ValueId value) const {
  if (!plan_.is_constant(value)) {
    return std::nullopt;
  }
  const auto view = plan_.constants[value]->view();
  const auto numbers = view ? integers_of(*view) : Result<std::vector<std::int64_t>>(view.error());
  return numbers && numbers->size() == 1 ? std::optional((*numbers)[0]) : std::nullopt;
}

// The Unsqueeze that makes `value` by adding a last extent.
std::size_t RotaryPatterns::stretched(ValueId value) const {
  const std::size_t step = maker(value, "Unsqueeze");
  if (step == kNone) {
    return kNone;
  }
  const auto axis =
      node(step).has_input(1) ? integer_of(node(step).inputs[1]) : attribute_of(node(step), "axes");
  return axis && is_last_of(value, *axis) ? step : kNone;
}

// The Gather that makes `value` of the elements `index` of a last extent, which vanishes.
std::size_t RotaryPatterns::element(ValueId value, std::int64_t index) const {
  const std::size_t step = maker(value, "Gather");
  if (step == kNone || integer_of(node(step).inputs[1]) != index ||
      !plan_.constants[node(step).inputs[1]]->dims().empty() ||
      !is_last_of(node(step).inputs[0], attribute_of(node(step), "axis").value_or(0))) {
    return kNone;
  }
  return step;
}

RotaryPatterns::Products RotaryPatterns::products(std::size_t sum) const {
  const std::size_t a = maker(node(sum).inputs[0], "Mul");
  const std::size_t b = maker(node(sum).inputs[1], "Mul");
  const auto reads = [&](std::size_t product, std::int64_t index) {
    return product != kNone && (element(node(product).inputs[0], index) != kNone ||
                                element(node(product).inputs[1], index) != kNone);
  };
  if (reads(a, 0) && reads(b, 1)) {
    return {.first = a, .second = b};
  }
  // A difference has an order.
  return is(sum, "Add") && reads(b, 0) && reads(a, 1) ? Products{.first = b, .second = a}
                                                      : Products{};
}

Result<void> RotaryPatterns::take_pairs(std::size_t concat) {
  const auto& parts = node(concat).inputs;
  if (parts.size() != 2 ||
      !is_last_of(result(concat), attribute_of(node(concat), "axis").value_or(0)) ||
      plan_.datatypes[result(concat)] != DataType::float32) {
    return {};
  }
  const std::size_t left = stretched(parts[0]);
  const std::size_t right = stretched(parts[1]);
  const std::size_t difference = left == kNone ? kNone : maker(node(left).inputs[0], "Sub");
  const std::size_t sum = right == kNone ? kNone : maker(node(right).inputs[0], "Add");
  if (difference == kNone || sum == kNone) {
    return {};
  }
  const Products by_difference = products(difference);
  const Products by_sum = products(sum);
  if (by_difference.first == kNone || by_sum.first == kNone) {
    return {};
  }
  const auto gathered = [&](std::size_t product, std::int64_t index) {
    const std::size_t at = element(node(product).inputs[0], index);
    return at != kNone ? at : element(node(product).inputs[1], index);
  };
  const std::size_t first = gathered(by_difference.first, 0);
  const std::size_t second = gathered(by_difference.second, 1);
  const ValueId x = node(first).inputs[0];
  const ValueId cosine = factor(by_difference.first, first);
  const ValueId sine = factor(by_difference.second, second);
  const std::size_t first_again = gathered(by_sum.first, 0);
  const std::size_t second_again = gathered(by_sum.second, 1);
  if (node(second).inputs[0] != x || node(first_again).inputs[0] != x ||
      node(second_again).inputs[0] != x || cosine == kNoValue || sine == kNoValue ||
      factor(by_sum.first, first_again) != sine || factor(by_sum.second, second_again) != cosine) {
    return {};
  }
  const std::vector<std::size_t> inside = {left,
                                           right,
                                           difference,
                                           sum,
                                           by_difference.first,
                                           by_difference.second,
                                           by_sum.first,
                                           by_sum.second,
                                           first,
                                           second,
                                           first_again,
                                           second_again};
  if (!closed(inside, concat)) {
    return {};
  }
  Node made;
  made.op_type = "RotatePairs";
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs = {x, cosine, sine};
  return replace(inside, concat, std::move(made));
}

}  // namespace

Result<void> take_rotary_patterns(Plan& plan, const Registry& registry) {
  return RotaryPatterns(plan, registry).run();
}

}  // namespace sluice::engine
