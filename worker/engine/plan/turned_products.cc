// Transposes around a product become its strides: attention's [B,S,H,D] -> [B,H,S,D] of queries,
// keys and values, and the way back.
//
//   {Transpose, -}, {Transpose, -}, MatMul, {Transpose, -}    MatMulTurned
//
// float32 of three dimensions or more, both operands from the run. A Transpose that somebody else
// reads too is made anyway, and stays.

#include <utility>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

class TurnedProducts : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "MatMul")) {
        SLUICE_TRY(take_product(i));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // The permutation of a Transpose that can be left to the product; null where it cannot.
  [[nodiscard]] const std::vector<std::int64_t>* permutation(std::size_t step,
                                                             std::size_t rank) const {
    if (step == kNone) {
      return nullptr;
    }
    for (const Attribute& attribute : node(step).attributes) {
      if (attribute.name == "perm" && attribute.integers.size() == rank) {
        return &attribute.integers;
      }
    }
    return nullptr;
  }
  Result<void> take_product(std::size_t product);
};

Result<void> TurnedProducts::take_product(std::size_t product) {
  Node made;
  made.op_type = "MatMulTurned";
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs = node(product).inputs;
  const auto& dims = plan_.typical[made.inputs[0]];
  const auto& others = plan_.typical[made.inputs[1]];
  if (plan_.datatypes[result(product)] != DataType::float32 || !dims || !others ||
      dims->size() < 3 || dims->size() != others->size() || plan_.is_constant(made.inputs[0]) ||
      plan_.is_constant(made.inputs[1])) {
    return {};
  }
  std::vector<std::size_t> inside;
  const auto take = [&](const char* name, const std::vector<std::int64_t>& order) {
    made.attributes.push_back({.name = name, .kind = AttributeKind::integers, .integers = order});
  };
  for (const std::size_t side : {0U, 1U}) {
    const std::size_t step = maker(made.inputs[side], "Transpose");
    const auto* const order = permutation(step, dims->size());
    if (order != nullptr && readers_[result(step)].size() == 1) {
      take(side == 0 ? "perm_a" : "perm_b", *order);
      made.inputs[side] = node(step).inputs[0];
      inside.push_back(step);
    }
  }
  std::size_t last = product;
  const std::size_t behind = only_reader(product, "Transpose");
  if (const auto* const order = permutation(behind, dims->size())) {
    take("perm_c", *order);
    inside.push_back(product);
    last = behind;
  }
  return inside.empty() ? Result<void>() : replace(inside, last, std::move(made));
}

}  // namespace

Result<void> take_turned_products(Plan& plan, const Registry& registry) {
  return TurnedProducts(plan, registry).run();
}

}  // namespace sluice::engine
