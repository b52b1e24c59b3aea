// If, Loop, SequenceMap.
// Spec: https://onnx.ai/onnx/operators/onnx__If.html, onnx__Loop.html, onnx__SequenceMap.html (read
// 2026-11).
// Types: all, sequences and optionals too (If and Loop since 13 and 16; earlier ones take them as
// well). Loop's values may change their shapes from turn to turn; a scan output's elements may not.
// Of no turn at all a scan output is [0, ...] with the dims its graph declares, 0 where open.

#include <algorithm>
#include <limits>
#include <utility>

#include "worker/ops/control/scan_output.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kMany = kAnyNumber - 1;  // some of which may be left out

using Values = std::vector<Value>;

Result<void> need_graph(Attributes& attributes, const Node& node, const char* name) {
  attributes.ignore(name);
  for (const Attribute& attribute : node.attributes) {
    if (attribute.name == name && attribute.graph != nullptr) {
      return {};
    }
  }
  return Error{ErrorCode::data_corrupt, std::string("has no graph '") + name + "'"};
}

Result<bool> truth_of(const TensorView& view) {
  if (view.datatype != DataType::boolean || view.count != 1) {
    return bad_input("its condition is a " + std::string(name_of(view.datatype)) + " tensor of " +
                     std::to_string(view.count) + " elements, it wants one bool");
  }
  return view.as<bool>()[0];
}

// --- If ------------------------------------------------------------------------------------------

Result<NoParams> parse_if(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY(need_graph(attributes, node, "then_branch"));
  SLUICE_TRY(need_graph(attributes, node, "else_branch"));
  SLUICE_TRY(attributes.finish());
  return NoParams{};
}

Result<Values> run_if(const NoParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView condition, context.tensor(0));
  SLUICE_TRY_ASSIGN(const bool holds, truth_of(condition));
  return context.run_graph(holds ? "then_branch" : "else_branch", {});
}

// --- Loop ----------------------------------------------------------------------------------------

struct BodyParams {};

Result<BodyParams> parse_body(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY(need_graph(attributes, node, "body"));
  SLUICE_TRY(attributes.finish());
  return BodyParams{};
}

// How often at most, and whether at all.
struct Start {
  std::int64_t turns_most = std::numeric_limits<std::int64_t>::max();
  bool goes = true;
};

Result<Start> start_of(const ValueContext& context) {
  Start start;
  if (context.has(0)) {
    SLUICE_TRY_ASSIGN(start.turns_most, context.integer(0));
  }
  if (context.has(1)) {
    SLUICE_TRY_ASSIGN(const TensorView condition, context.tensor(1));
    SLUICE_TRY_ASSIGN(start.goes, truth_of(condition));
  }
  return start;
}

Result<Values> run_loop(const BodyParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Start start, start_of(context));
  Values carried;
  for (std::size_t i = 2; i < context.inputs().size(); ++i) {
    SLUICE_TRY_ASSIGN(Value value, value_of(context.inputs()[i]));
    carried.push_back(std::move(value));
  }
  const auto& declared = context.graph_outputs("body");
  if (declared.size() < carried.size() + 1) {
    return Error{ErrorCode::data_corrupt,
                 "its body has " + std::to_string(declared.size()) + " outputs and carries " +
                     std::to_string(carried.size()) + " values"};
  }
  std::vector<ScanOutput> scans(declared.size() - carried.size() - 1);
  bool goes = start.goes;
  for (std::int64_t turn = 0; goes && turn < start.turns_most; ++turn) {
    if (context.stopped()) {
      return Error{ErrorCode::cancelled, "the request was cancelled while it ran"};
    }
    const Value counter(Tensor::of<std::int64_t>({}, {turn}));
    const Value condition(Tensor::of<bool>({}, {goes}));
    std::vector<ValueInput> inputs{input_of(counter), input_of(condition)};
    std::ranges::transform(carried, std::back_inserter(inputs), input_of);
    SLUICE_TRY_ASSIGN(Values made, context.run_graph("body", inputs));
    if (!made[0].is_tensor()) {
      return bad_input("its condition is no tensor");
    }
    SLUICE_TRY_ASSIGN(goes, truth_of(made[0].tensor().view()));
    for (std::size_t i = 0; i < scans.size(); ++i) {
      SLUICE_TRY(scans[i].add(std::move(made[1 + carried.size() + i])));
    }
    std::move(made.begin() + 1,
              made.begin() + 1 + static_cast<std::ptrdiff_t>(carried.size()),
              carried.begin());
  }
  for (std::size_t i = 0; i < scans.size(); ++i) {
    const std::size_t at = declared.size() - scans.size() + i;
    SLUICE_TRY_ASSIGN(Tensor joined, scans[i].join(declared[at], 0, false));
    carried.emplace_back(std::move(joined));
  }
  return carried;
}

// --- SequenceMap ---------------------------------------------------------------------------------

// A body may answer with whatever it sees, a sequence from outside as well.
Result<void> check_mapped(const Sequence& made, const Value& value, std::size_t output) {
  const std::string what = "output " + std::to_string(output) + " of its body ";
  if (!value.is_tensor()) {
    return bad_input(what + "is no tensor");
  }
  const DataType datatype = value.tensor().datatype();
  const DataType first = made.items.empty() ? datatype : made.items[0].tensor().datatype();
  if (datatype != first) {
    return bad_input(what + "is " + std::string(name_of(datatype)) + ", and " +
                     std::string(name_of(first)) + " for the element before");
  }
  return {};
}

Result<Values> run_map(const BodyParams&, ValueContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence* sequence, context.sequence(0));
  std::vector<Sequence> made(context.graph_outputs("body").size());
  for (std::size_t i = 0; i < sequence->items.size(); ++i) {
    std::vector<ValueInput> inputs{input_of(sequence->items[i])};
    for (std::size_t k = 1; k < context.inputs().size(); ++k) {
      const ValueInput& more = context.inputs()[k];
      if (more.is_tensor()) {
        inputs.push_back(more);
        continue;
      }
      SLUICE_TRY_ASSIGN(const Sequence* other, context.sequence(k));
      if (i >= other->items.size()) {
        return bad_input("its sequences have different lengths");
      }
      inputs.push_back(input_of(other->items[i]));
    }
    SLUICE_TRY_ASSIGN(Values values, context.run_graph("body", inputs));
    for (std::size_t k = 0; k < made.size(); ++k) {
      SLUICE_TRY(check_mapped(made[k], values[k], k));
      made[k].items.push_back(std::move(values[k]));
    }
  }
  Values values;
  for (Sequence& each : made) {
    values.emplace_back(std::move(each));
  }
  return values;
}

}  // namespace

void register_branch_loop(Registry& registry) {
  registry.add({.name = "If",
                .since = {1, 11, 13, 16, 19, 21, 23, 24},
                .arity = {1, 1, kAnyNumber},
                .kernel = value_kernel<parse_if, run_if>(),
                .halves = HalfRule::native});
  registry.add({.name = "Loop",
                .since = {1, 11, 13, 16, 19, 21, 23, 24},
                .arity = {0, kMany, kAnyNumber, false},
                .kernel = value_kernel<parse_body, run_loop>(),
                .halves = HalfRule::native});
  registry.add({.name = "SequenceMap",
                .since = {17},
                .arity = {1, kAnyNumber, kAnyNumber},
                .kernel = value_kernel<parse_body, run_map>(),
                .halves = HalfRule::native});
}

}  // namespace sluice::engine
