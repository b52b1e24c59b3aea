// Equal, Greater, GreaterOrEqual, Less, LessOrEqual: C[i] = A[i] op B[i] as bool, broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__Equal.html and its neighbours (read 2026-11).
// Types: all numbers; Equal also bool and strings. NaN is equal to nothing and in no order.
// Opsets: before 7 the second operand is stretched by attributes. Older versions had fewer types.

#include <functional>
#include <string>
#include <utility>

#include "worker/ops/math/two_operands.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Relation : std::uint8_t { equal, greater, greater_or_equal, less, less_or_equal };

struct CompareParams {
  Relation relation = Relation::equal;
  Stretch stretch{};
};

template <Relation kRelation>
Result<CompareParams> parse_compare(const Node& node) {
  Attributes attributes(node);
  CompareParams params{.relation = kRelation};
  SLUICE_TRY_ASSIGN(params.stretch, parse_stretch(node, attributes));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_compare(const CompareParams& params, const InputFacts& facts) {
  SLUICE_TRY(same_datatype(facts));
  const DataType datatype = facts.at(0).datatype;
  const bool matter_of_equality = datatype == DataType::boolean || datatype == DataType::string;
  if (!is_number(datatype) && !(params.relation == Relation::equal && matter_of_equality)) {
    return unsupported_type(datatype);
  }
  SLUICE_TRY_ASSIGN(Shape dims, stretched_dims(params.stretch, facts.at(0).dims, facts.at(1).dims));
  return one_output(DataType::boolean, std::move(dims));
}

Result<BroadcastLoop<2>> bind_compare(const CompareParams& params, BindContext& context) {
  return bind_stretch(params.stretch, context);
}

template <class T>
void compare(Relation relation, const BroadcastLoop<2>& loop, KernelContext& context) {
  const T* a = context.input(0).as<T>().data();
  const T* b = context.input(1).as<T>().data();
  bool* out = context.output(0).mut<bool>().data();
  switch (relation) {
    case Relation::equal:
      return map_broadcast(loop, a, b, out, std::equal_to<>());
    case Relation::greater:
      return map_broadcast(loop, a, b, out, std::greater<>());
    case Relation::greater_or_equal:
      return map_broadcast(loop, a, b, out, std::greater_equal<>());
    case Relation::less:
      return map_broadcast(loop, a, b, out, std::less<>());
    case Relation::less_or_equal:
      return map_broadcast(loop, a, b, out, std::less_equal<>());
  }
}

Result<void> run_compare(const CompareParams& params,
                         const BroadcastLoop<2>& loop,
                         KernelContext& context) {
  const DataType datatype = context.input(0).datatype;
  if (context.output(0).count == 0) {
    return {};
  }
  if (datatype == DataType::boolean) {
    compare<bool>(params.relation, loop, context);
  } else if (datatype == DataType::string) {
    compare<std::string>(params.relation, loop, context);
  } else {
    const bool known = dispatch_number(
        datatype, [&](auto tag) { compare<decltype(tag)>(params.relation, loop, context); });
    SLUICE_CHECK(known);
  }
  return {};
}

template <Relation kRelation>
OperatorEntry compare_entry(const char* name, std::vector<int> since) {
  return {
      .name = name,
      .since = std::move(since),
      .arity = {2, 2, 1},
      .kernel = bound_kernel<parse_compare<kRelation>, infer_compare, bind_compare, run_compare>(),
      .layout = LayoutRule::follow,
      .tame = true};
}

}  // namespace

void register_compare(Registry& registry) {
  registry.add(compare_entry<Relation::equal>("Equal", {1, 7, 11, 13, 19}));
  registry.add(compare_entry<Relation::greater>("Greater", {1, 7, 9, 13}));
  registry.add(compare_entry<Relation::greater_or_equal>("GreaterOrEqual", {12, 16}));
  registry.add(compare_entry<Relation::less>("Less", {1, 7, 9, 13}));
  registry.add(compare_entry<Relation::less_or_equal>("LessOrEqual", {12, 16}));
}

}  // namespace sluice::engine
