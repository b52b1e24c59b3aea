// build_plan and its simple parts: operators found, order, preparation.

#include "worker/engine/plan/plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/limits.h"
#include "worker/engine/plan/rows.h"
#include "worker/engine/plan/uses.h"
#include "worker/engine/read/inspect.h"
#include "worker/engine/run/node_run.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kNamesShown = 3;  // nodes named for each missing operator

Result<void> check_operators(const Graph& graph, const Registry& registry) {
  const std::vector<MissingOperator> missing = missing_operators(graph, registry);
  if (missing.empty()) {
    return {};
  }
  std::string text = "unsupported operators: ";
  bool first = true;
  for (const auto& [reason, nodes] : missing) {
    text += (first ? "" : "; ") + reason + " (";
    first = false;
    for (std::size_t i = 0; i < std::min(nodes.size(), kNamesShown); ++i) {
      text += (i == 0 ? "node '" : ", '") + nodes[i] + "'";
    }
    text += nodes.size() > kNamesShown
                ? " and " + std::to_string(nodes.size() - kNamesShown) + " more)"
                : ")";
  }
  return Error{ErrorCode::unsupported, std::move(text)};
}

Result<void> check_arity(const Node& node, const Arity& arity) {
  const std::size_t required =
      arity.inputs_most == kAnyNumber ? node.inputs.size() : arity.inputs_least;
  bool fits = node.inputs.size() >= arity.inputs_least && node.inputs.size() <= arity.inputs_most &&
              !node.outputs.empty() && node.outputs.size() <= arity.outputs_most;
  for (std::size_t i = 0; fits && i < required; ++i) {
    fits = node.has_input(i);
  }
  const bool answers =
      arity.first_output
          ? fits && node.outputs[0] != kNoValue
          : std::ranges::any_of(node.outputs, [](ValueId v) { return v != kNoValue; });
  if (!fits || !answers) {
    return Error{ErrorCode::data_corrupt,
                 describe(node) + " has " + std::to_string(node.inputs.size()) + " inputs and " +
                     std::to_string(node.outputs.size()) +
                     " outputs, or leaves out one that it must have"};
  }
  return {};
}

class StepPreparation final : public PrepareContext {
 public:
  StepPreparation(Plan& plan, Step& step, bool reference)
      : plan_(plan), step_(step), reference_(reference) {}

  [[nodiscard]] const Node& node() const override { return step_.node; }
  [[nodiscard]] const Tail& tail() const override { return step_.tail; }
  [[nodiscard]] bool reference() const override { return reference_; }
  [[nodiscard]] bool tame() const override { return step_.tame; }
  Result<const TensorView*> constant(std::size_t input) override {
    if (!step_.node.has_input(input)) {
      return static_cast<const TensorView*>(nullptr);
    }
    return view_of(step_.node.inputs[input]);
  }
  Result<const TensorView*> tail_bias() override { return view_of(step_.tail.bias); }
  [[nodiscard]] const Shape* typical_dims(std::size_t input) const override {
    const auto& typical = plan_.typical;
    if (!step_.node.has_input(input) || step_.node.inputs[input] >= typical.size() ||
        !typical[step_.node.inputs[input]]) {
      return nullptr;
    }
    return &*typical[step_.node.inputs[input]];
  }
  void consume(std::size_t input) override { step_.consumed[input] = true; }

 private:
  Result<const TensorView*> view_of(ValueId value) {
    if (!plan_.is_constant(value)) {
      return static_cast<const TensorView*>(nullptr);
    }
    SLUICE_TRY_ASSIGN(TensorView view, plan_.constants[value]->view());
    if (step_.entry->halves == HalfRule::widen && is_half(view.datatype)) {
      SLUICE_TRY_ASSIGN(Tensor wide, converted(view, DataType::float32));
      widened_.push_back(std::make_unique<Tensor>(std::move(wide)));
      view = widened_.back()->view();
    }
    views_.push_back(std::make_unique<TensorView>(view));
    return static_cast<const TensorView*>(views_.back().get());
  }
  Plan& plan_;
  Step& step_;
  bool reference_;
  std::vector<std::unique_ptr<TensorView>> views_;
  std::vector<std::unique_ptr<Tensor>> widened_;
};

}  // namespace

ModelInfo info_of(const Model& model) {
  ModelInfo info;
  info.platform = "onnx_onnxv1";
  info.description = model.description;
  const auto convert = [&](const Declared& declared) {
    return ValueInfo{.name = model.graph.value_names[declared.value],
                     .datatype = declared.datatype,
                     .shape = declared.dims};
  };
  for (const Declared& input : model.graph.inputs) {
    info.inputs.push_back(convert(input));
  }
  for (const Declared& output : model.graph.outputs) {
    info.outputs.push_back(convert(output));
  }
  return info;
}

Result<void> prepare_step(Plan& plan, Step& step, bool reference) {
  if (step.entry->kernel.prepare == nullptr) {
    return {};
  }
  StepPreparation context(plan, step, reference);
  SLUICE_TRY_ASSIGN(step.state, step.entry->kernel.prepare(step.params, context));
  return {};
}

Result<void> sort_steps(Plan& plan) {
  // Kahn's algorithm with a heap of file positions: the order of the file wherever it is valid.
  const std::size_t count = plan.steps.size();
  std::vector<std::size_t> waiting(count, 0);
  std::vector<std::size_t> maker(plan.value_names.size(), count);
  std::vector<std::vector<std::size_t>> readers(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (const ValueId value : plan.steps[i].node.outputs) {
      if (value != kNoValue) {
        maker[value] = i;
      }
    }
  }
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < count; ++i) {
    for (const ValueId value : plan.steps[i].node.inputs) {
      if (value != kNoValue && maker[value] != count) {
        readers[maker[value]].push_back(i);
        ++waiting[i];
      }
    }
    if (waiting[i] == 0) {
      ready.push_back(i);
    }
  }
  std::ranges::make_heap(ready, std::greater<>());
  std::vector<Step> sorted;
  sorted.reserve(count);
  while (!ready.empty()) {
    std::ranges::pop_heap(ready, std::greater<>());
    const std::size_t at = ready.back();
    ready.pop_back();
    sorted.push_back(std::move(plan.steps[at]));
    for (const std::size_t reader : readers[at]) {
      if (--waiting[reader] == 0) {
        ready.push_back(reader);
        std::ranges::push_heap(ready, std::greater<>());
      }
    }
  }
  if (sorted.size() < count) {
    const auto stuck = std::ranges::find_if(waiting, [](std::size_t n) { return n > 0; });
    const auto at = static_cast<std::size_t>(stuck - waiting.begin());
    return Error{ErrorCode::data_corrupt,
                 "the graph has a cycle through " + describe(plan.steps[at].node)};
  }
  plan.steps = std::move(sorted);
  return {};
}

void rename_inputs(Node& node, std::span<const ValueId> stands_for) {
  for (ValueId& value : node.inputs) {
    value = value == kNoValue ? kNoValue : stands_for[value];
  }
  for (Attribute& attribute : node.attributes) {
    for (ValueId& value : attribute.captured) {
      value = stands_for[value];
    }
  }
}

void drop_dead_steps(Plan& plan) {
  std::vector<bool> needed(plan.value_names.size(), false);
  for (const Declared& output : plan.outputs) {
    needed[output.value] = true;
  }
  std::vector<Step> kept;
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    const bool alive =
        !step->entry->pure || std::ranges::any_of(step->node.outputs, [&](ValueId value) {
          return value != kNoValue && needed[value];
        });
    if (!alive) {
      continue;
    }
    if (step->entry->alias) {  // renames where there is nothing else: an old Dropout has a mask
      for (std::size_t i = 1; i < step->node.outputs.size(); ++i) {
        ValueId& value = step->node.outputs[i];
        value = value != kNoValue && needed[value] ? value : kNoValue;
      }
    }
    for (const ValueId value : step->node.inputs) {
      if (value != kNoValue) {
        needed[value] = true;
      }
    }
    kept.push_back(std::move(*step));
  }
  std::ranges::reverse(kept);
  plan.steps = std::move(kept);
}

namespace {

Result<void> prepare_and_hold(Plan& plan, Step& step, bool reference) {
  SLUICE_TRY(prepare_step(plan, step, reference));
  std::size_t packed = 0;
  for (std::size_t i = 0; i < step.node.inputs.size(); ++i) {
    const ValueId value = step.node.inputs[i];
    if (step.consumed[i] && plan.is_constant(value)) {
      const Constant& constant = *plan.constants[value];
      SLUICE_TRY_ASSIGN(const std::size_t size,
                        storage_bytes(constant.datatype(), constant.dims()));
      packed += size;
    }
  }
  SLUICE_TRY_ASSIGN(step.packed, hold_memory(packed, "its packed weights"));
  return {};
}

}  // namespace

Result<void> prepare_steps(Plan& plan, const PlanOptions& options) {
  std::vector<std::size_t> uses = uses_of(plan);
  for (Step& step : plan.steps) {
    // A Constant that was not folded reads its tensor in each run: the file is unmapped by then.
    for (const Attribute& attribute : step.node.attributes) {
      if (attribute.tensor != nullptr) {
        SLUICE_TRY(attribute.tensor->own());
      }
    }
    if (auto prepared = prepare_and_hold(plan, step, options.reference); !prepared) {
      return with_context(std::move(prepared).error(), describe(step.node));
    }
    for (std::size_t i = 0; i < step.node.inputs.size(); ++i) {
      const ValueId value = step.node.inputs[i];
      if (value != kNoValue && step.consumed[i] && --uses[value] == 0 && plan.is_constant(value) &&
          !plan.borrowed.contains(value)) {
        plan.constants[value]->release();
      }
    }
  }
  for (ValueId value = 0; value < plan.constants.size(); ++value) {
    if (plan.constants[value] == nullptr) {
      continue;
    }
    if (plan.borrowed.contains(value)) {
      if (uses[value] == 0) {
        plan.unread.insert(value);
      }
    } else if (uses[value] == 0) {
      plan.constants[value]->release();
    } else {
      SLUICE_TRY(plan.constants[value]->own());
    }
  }
  return {};
}

Result<Step> make_step(Node node, const Registry& registry) {
  Step step;
  SLUICE_TRY_ASSIGN(const Registry::Found found,
                    registry.find(node.domain, node.op_type, node.opset));
  step.entry = found.entry;
  node.since = found.since;
  SLUICE_TRY(check_arity(node, found.entry->arity));
  auto params = found.entry->kernel.parse(node);
  if (!params) {
    return with_context(std::move(params).error(), describe(node));
  }
  step.params = *std::move(params);
  step.written_inputs = node.inputs.size();
  for (const Attribute& attribute : node.attributes) {
    node.inputs.insert(node.inputs.end(), attribute.captured.begin(), attribute.captured.end());
  }
  step.consumed.resize(node.inputs.size(), false);
  step.node = std::move(node);
  return step;
}

Result<Plan> read_plan(Model model, const Registry& registry) {
  SLUICE_TRY(check_operators(model.graph, registry));
  Plan plan;
  plan.info = info_of(model);
  plan.value_names = std::move(model.graph.value_names);
  plan.inputs = std::move(model.graph.inputs);
  plan.outputs = std::move(model.graph.outputs);
  plan.constants.resize(plan.value_names.size());
  plan.borrowed = std::move(model.graph.borrowed);
  for (auto& [value, constant] : model.graph.constants) {
    plan.constants[value] = std::move(constant);
  }
  for (Node& node : model.graph.nodes) {
    SLUICE_TRY_ASSIGN(Step step, make_step(std::move(node), registry));
    plan.steps.push_back(std::move(step));
  }
  SLUICE_TRY(sort_steps(plan));
  return plan;
}

Result<Plan> build_plan(Model model, const Registry& registry, const PlanOptions& options) {
  SLUICE_TRY_ASSIGN(Plan plan, read_plan(std::move(model), registry));
  plan.row_major = options.reference;
  plan.without = options.without;
  if (!options.reference && plan.takes(PassFamily::bytes)) {
    SLUICE_TRY(fold_constants(plan, true));
    SLUICE_TRY(take_quantized_patterns(plan, registry));
  }
  SLUICE_TRY(fold_constants(plan, false));
  drop_dead_steps(plan);
  SLUICE_TRY(widen_constants(plan));
  SLUICE_TRY(infer_typical(plan));
  if (!options.reference) {
    if (plan.takes(PassFamily::identities)) {
      drop_identities(plan);
    }
    if (plan.takes(PassFamily::duplicates)) {
      merge_duplicates(plan);
    }
  }
  SLUICE_TRY(plan_subgraphs(plan, registry, options));
  if (!options.inner) {
    SLUICE_TRY(note_forms(plan, options));
    plan.rows_independent = rows_are_independent(plan);
  }
  if (!options.reference) {
    SLUICE_TRY(take_patterns(plan, registry));
    if (plan.takes(PassFamily::rotary)) {
      SLUICE_TRY(take_rotary_patterns(plan, registry));
    }
    if (plan.takes(PassFamily::padding)) {
      SLUICE_TRY(take_padding(plan, registry));
    }
    if (plan.takes(PassFamily::masked_softmax)) {
      SLUICE_TRY(take_attention_patterns(plan, registry));
    }
    if (plan.takes(PassFamily::turned_concats)) {
      SLUICE_TRY(take_turned_concats(plan, registry));
    }
    if (plan.takes(PassFamily::part_chains)) {
      SLUICE_TRY(take_part_chains(plan, registry));
    }
    if (plan.takes(PassFamily::turned_products)) {
      SLUICE_TRY(take_turned_products(plan, registry));
    }
    if (plan.takes(PassFamily::integers)) {
      SLUICE_TRY(take_integer_patterns(plan, registry));
    }
    SLUICE_TRY(fuse_steps(plan));
    note_tame(plan);
  }
  SLUICE_TRY(prepare_steps(plan, options));
  return plan;
}

}  // namespace sluice::engine
