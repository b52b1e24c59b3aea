#include "worker/ops/math/two_operands.h"

#include <algorithm>
#include <string>

#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// The second operand's dims, as today's rules would want them written.
Result<Shape> second_dims(const Stretch& stretch, Dims a, Dims b) {
  Shape dims(b.begin(), b.end());
  if (!stretch.by_attributes) {
    return dims;
  }
  if (!stretch.allowed) {
    if (!std::equal(a.begin(), a.end(), b.begin(), b.end())) {
      return bad_input("shapes " + to_string(a) + " and " + to_string(b) +
                       " differ and broadcast is 0");
    }
    return dims;
  }
  if (stretch.axis) {
    const std::int64_t axis =
        *stretch.axis < 0 ? *stretch.axis + static_cast<std::int64_t>(a.size()) : *stretch.axis;
    const std::int64_t behind =
        static_cast<std::int64_t>(a.size()) - axis - static_cast<std::int64_t>(b.size());
    if (axis < 0 || behind < 0) {
      return bad_input("axis " + std::to_string(*stretch.axis) + " does not place " + to_string(b) +
                       " in " + to_string(a));
    }
    dims.insert(dims.end(), static_cast<std::size_t>(behind), 1);
  }
  return dims;
}

}  // namespace

Result<Stretch> parse_stretch(const Node& node, Attributes& attributes) {
  Stretch stretch{.by_attributes = node.since < 7};
  if (stretch.by_attributes) {
    SLUICE_TRY_ASSIGN(const std::int64_t broadcast, attributes.integer("broadcast", 0));
    stretch.allowed = broadcast != 0;
    if (attributes.has("axis")) {
      SLUICE_TRY_ASSIGN(stretch.axis, attributes.integer("axis", 0));
    }
  }
  return stretch;
}

Result<Shape> stretched_dims(const Stretch& stretch, Dims a, Dims b) {
  SLUICE_TRY_ASSIGN(const Shape second, second_dims(stretch, a, b));
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(a, second));
  if (stretch.by_attributes && !std::equal(a.begin(), a.end(), dims.begin(), dims.end())) {
    return bad_input("shape " + to_string(b) + " does not stretch to " + to_string(a));
  }
  return dims;
}

Result<BroadcastLoop<2>> bind_stretch(const Stretch& stretch, const BindContext& context) {
  const TensorView& a = context.inputs[0];
  TensorView b = context.inputs[1];
  SLUICE_TRY_ASSIGN(const Shape b_dims, second_dims(stretch, a.dims, b.dims));
  b.dims = b_dims;
  const TensorView& y = context.outputs[0];
  return make_loop<2>(physical_dims_of(y), {operand_dims(a, y), operand_dims(b, y)});
}

Result<void> same_datatype(const InputFacts& facts) {
  const DataType a = facts.at(0).datatype;
  const DataType b = facts.at(1).datatype;
  if (a != b) {
    return bad_input("its inputs are " + std::string(name_of(a)) + " and " +
                     std::string(name_of(b)));
  }
  return {};
}

}  // namespace sluice::engine
