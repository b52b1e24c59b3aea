// ConcatFromSequence, SequenceAt, SequenceConstruct, SequenceEmpty, SequenceErase, SequenceInsert,
// SequenceLength, SplitToSequence.
// Spec: https://onnx.ai/onnx/operators/onnx__SequenceAt.html and its neighbours (read 2026-11).
// Types: sequences of tensors of one datatype, any. Positions may be negative, from the end;
// SequenceInsert takes one from -n to n. Cutting and joining along an axis: slabs.h.

#include <algorithm>
#include <utility>

#include "worker/ops/control/slabs.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using Values = std::vector<Value>;

Values one(Value value) {
  Values values;
  values.push_back(std::move(value));
  return values;
}

// A position in [0, end), counted from the back where it is negative.
Result<std::size_t> position(std::int64_t at, std::int64_t count, std::int64_t end) {
  if (at < -count || at >= end) {
    return bad_input("position " + std::to_string(at) + " is outside of a sequence of " +
                     std::to_string(count));
  }
  return static_cast<std::size_t>(at < 0 ? at + count : at);
}

Result<void> check_element(const Sequence& sequence, DataType datatype) {
  const DataType first =
      sequence.items.empty() ? datatype : sequence.items.front().tensor().datatype();
  if (first != datatype) {
    return bad_input("a " + std::string(name_of(datatype)) + " tensor cannot be in a sequence of " +
                     std::string(name_of(first)));
  }
  return {};
}

Result<Values> run_construct(const NoParams&, ValueContext& context) {
  Sequence made;
  for (std::size_t i = 0; i < context.inputs().size(); ++i) {
    SLUICE_TRY_ASSIGN(const TensorView view, context.tensor(i));
    SLUICE_TRY(check_element(made, view.datatype));
    SLUICE_TRY_ASSIGN(Value value, value_of(context.inputs()[i]));
    made.items.push_back(std::move(value));
  }
  return one(Value(std::move(made)));
}

Result<NoParams> parse_empty(const Node& node) {
  Attributes attributes(node);
  attributes.ignore("dtype");  // an element's datatype is its own
  SLUICE_TRY(attributes.finish());
  return NoParams{};
}

Result<Values> run_empty(const NoParams&, ValueContext&) {
  return one(Value(Sequence{}));
}

Result<Values> run_at(const NoParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence* sequence, context.sequence(0));
  SLUICE_TRY_ASSIGN(const std::int64_t given, context.integer(1));
  const auto count = static_cast<std::int64_t>(sequence->items.size());
  SLUICE_TRY_ASSIGN(const std::size_t at, position(given, count, count));
  return one(sequence->items[at]);
}

Result<Values> run_insert(const NoParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence* sequence, context.sequence(0));
  SLUICE_TRY_ASSIGN(const TensorView view, context.tensor(1));
  SLUICE_TRY(check_element(*sequence, view.datatype));
  const auto count = static_cast<std::int64_t>(sequence->items.size());
  std::int64_t given = count;
  if (context.has(2)) {
    SLUICE_TRY_ASSIGN(given, context.integer(2));
  }
  SLUICE_TRY_ASSIGN(const std::size_t at, position(given, count, count + 1));
  SLUICE_TRY_ASSIGN(Value value, value_of(context.inputs()[1]));
  Sequence made = *sequence;
  made.items.insert(made.items.begin() + static_cast<std::ptrdiff_t>(at), std::move(value));
  return one(Value(std::move(made)));
}

Result<Values> run_erase(const NoParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence* sequence, context.sequence(0));
  const auto count = static_cast<std::int64_t>(sequence->items.size());
  std::int64_t given = -1;
  if (context.has(1)) {
    SLUICE_TRY_ASSIGN(given, context.integer(1));
  }
  SLUICE_TRY_ASSIGN(const std::size_t at, position(given, count, count));
  Sequence made = *sequence;
  made.items.erase(made.items.begin() + static_cast<std::ptrdiff_t>(at));
  return one(Value(std::move(made)));
}

Result<Values> run_length(const NoParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence* sequence, context.sequence(0));
  return one(
      Value(Tensor::of<std::int64_t>({}, {static_cast<std::int64_t>(sequence->items.size())})));
}

// --- SplitToSequence -----------------------------------------------------------------------------

struct SplitParams {
  std::int64_t axis = 0;
  bool keep_dims = true;
};

Result<SplitParams> parse_split(const Node& node) {
  Attributes attributes(node);
  SplitParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t keep, attributes.integer("keepdims", 1));
  SLUICE_TRY(attributes.finish());
  params.keep_dims = keep != 0;
  return params;
}

// The extents of the parts along the axis of `extent`.
Result<std::vector<std::int64_t>> parts_of(const ValueContext& context, std::int64_t extent) {
  if (!context.has(1)) {
    return std::vector<std::int64_t>(static_cast<std::size_t>(extent), 1);
  }
  SLUICE_TRY_ASSIGN(const TensorView split, context.tensor(1));
  SLUICE_TRY_ASSIGN(std::vector<std::int64_t> parts, integers_of(split));
  if (!split.dims.empty()) {
    std::int64_t left = extent;
    for (const std::int64_t part : parts) {
      if (part < 0 || part > left) {
        return bad_input("its split does not fit an extent of " + std::to_string(extent));
      }
      left -= part;
    }
    return left == 0 ? Result<std::vector<std::int64_t>>(std::move(parts))
                     : bad_input("its split does not fill an extent of " + std::to_string(extent));
  }
  const std::int64_t each = parts.empty() ? 0 : parts[0];
  if (each < 1) {
    return bad_input("its split is " + std::to_string(each));
  }
  parts.clear();
  for (std::int64_t left = extent; left > 0; left -= each) {
    parts.push_back(std::min(left, each));
  }
  return parts;
}

Result<Values> run_split(const SplitParams& params, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView x, context.tensor(0));
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.dims.size()));
  SLUICE_TRY_ASSIGN(const auto parts, parts_of(context, x.dims[axis]));
  Sequence made;
  std::int64_t from = 0;
  for (const std::int64_t part : parts) {
    const bool drop = !params.keep_dims && !context.has(1);  // keepdims is for single rows alone
    SLUICE_TRY_ASSIGN(Tensor slab, cut_slab(x, axis, from, part, !drop));
    made.items.emplace_back(std::move(slab));
    from += part;
  }
  return one(Value(std::move(made)));
}

// --- ConcatFromSequence --------------------------------------------------------------------------

struct ConcatParams {
  std::int64_t axis = 0;
  bool new_axis = false;
};

Result<ConcatParams> parse_concat(const Node& node) {
  Attributes attributes(node);
  ConcatParams params;
  if (!attributes.has("axis")) {
    return Error{ErrorCode::data_corrupt, "has no axis"};
  }
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t fresh, attributes.integer("new_axis", 0));
  SLUICE_TRY(attributes.finish());
  params.new_axis = fresh != 0;
  return params;
}

Result<Values> run_concat(const ConcatParams& params, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence* sequence, context.sequence(0));
  if (sequence->items.empty()) {
    return bad_input("joins an empty sequence");
  }
  std::vector<TensorView> views;
  for (const Value& item : sequence->items) {
    views.push_back(item.tensor().view());
  }
  const std::size_t rank = views[0].dims.size() + (params.new_axis ? 1 : 0);
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, rank));
  SLUICE_TRY_ASSIGN(Tensor joined, join_slabs(views, axis, params.new_axis));
  return one(Value(std::move(joined)));
}

}  // namespace

void register_sequence(Registry& registry) {
  const auto add = [&](const char* name, std::vector<int> since, Arity arity, Kernel kernel) {
    registry.add({.name = name,
                  .since = std::move(since),
                  .arity = arity,
                  .kernel = kernel,
                  .halves = HalfRule::native});
  };
  add("ConcatFromSequence", {11}, {1, 1, 1}, value_kernel<parse_concat, run_concat>());
  add("SequenceAt", {11}, {2, 2, 1}, value_kernel<parse_nothing, run_at>());
  add("SequenceConstruct", {11}, {1, kAnyNumber, 1}, value_kernel<parse_nothing, run_construct>());
  add("SequenceEmpty", {11}, {0, 0, 1}, value_kernel<parse_empty, run_empty>());
  add("SequenceErase", {11}, {1, 2, 1}, value_kernel<parse_nothing, run_erase>());
  add("SequenceInsert", {11}, {2, 3, 1}, value_kernel<parse_nothing, run_insert>());
  add("SequenceLength", {11}, {1, 1, 1}, value_kernel<parse_nothing, run_length>());
  add("SplitToSequence", {11, 24}, {1, 2, 1}, value_kernel<parse_split, run_split>());
}

}  // namespace sluice::engine
