#include "worker/engine/plan/subgraph.h"

#include <algorithm>
#include <utility>

#include "worker/engine/plan/branches.h"
#include "worker/engine/run/runner.h"

namespace sluice::engine {
namespace {

// How the captured value looks from inside: dims and datatype where the guess reached.
Declared captured_input(const Plan& around, ValueId outside, ValueId inside) {
  Declared declared;
  declared.value = inside;
  declared.hint = true;
  if (outside < around.typical.size() && around.typical[outside]) {
    declared.datatype = around.datatypes[outside];
    declared.has_shape = true;
    declared.dims = *around.typical[outside];
    declared.symbols.assign(declared.dims.size(), "");
  }
  return declared;
}

Result<std::shared_ptr<const Subgraph>> plan_subgraph(Plan& around,
                                                      Step& step,
                                                      const Attribute& attribute,
                                                      std::size_t first_capture,
                                                      const Registry& registry,
                                                      const PlanOptions& options) {
  auto made = std::make_shared<Subgraph>();
  made->attribute = attribute.name;
  Model model;
  model.graph = std::move(*attribute.graph);
  Graph& graph = model.graph;
  made->declared_inputs = graph.inputs.size();
  std::vector<std::pair<ValueId, std::size_t>> constants;
  Outside outside_of;
  for (std::size_t i = 0; i < graph.captures.size(); ++i) {
    const ValueId inside = graph.captures[i];
    const ValueId outside = attribute.captured[i];
    outside_of.emplace_back(inside, outside);
    if (around.is_constant(outside)) {
      graph.constants[inside] = around.constants[outside];
      graph.borrowed.insert(inside);
      constants.emplace_back(inside, first_capture + i);
    } else {
      graph.inputs.push_back(captured_input(around, outside, inside));
      made->captured.push_back(first_capture + i);
    }
  }
  SLUICE_TRY_ASSIGN(made->plan, build_plan(std::move(model), registry, options));
  for (const auto& [inside, position] : constants) {
    step.consumed[position] = made->plan.unread.contains(inside);
  }
  if (!options.reference) {
    SLUICE_TRY(inline_branch(around, step, outside_of, registry, *made));
  }
  return std::shared_ptr<const Subgraph>(std::move(made));
}

InputView view_of(const ValueInput& input) {
  if (!input.is_tensor()) {
    return {.is_tensor = false, .value = input.value};
  }
  const bool strings = input.tensor.datatype == DataType::string;
  return {.datatype = input.tensor.datatype,
          .shape = input.tensor.dims,
          .data = strings ? std::span<const std::byte>() : input.tensor.bytes(),
          .value = input.value};
}

}  // namespace

Result<void> plan_subgraphs(Plan& plan, const Registry& registry, const PlanOptions& options) {
  PlanOptions inner = options;
  inner.inner = true;
  for (Step& step : plan.steps) {
    std::size_t first_capture = step.written_inputs;
    for (const Attribute& attribute : step.node.attributes) {
      if (attribute.graph == nullptr) {
        continue;
      }
      auto made = plan_subgraph(plan, step, attribute, first_capture, registry, inner);
      if (!made) {
        return with_context(std::move(made).error(), describe(step.node));
      }
      first_capture += attribute.captured.size();
      step.graphs.push_back(*std::move(made));
    }
  }
  return {};
}

Result<std::span<std::byte>> ValueSink::allocate(std::size_t index,
                                                 DataType datatype,
                                                 const Shape& shape,
                                                 std::size_t size) {
  SLUICE_TRY_ASSIGN(tensors_[index], Tensor::create(datatype, shape));
  const TensorView view = tensors_[index].view();
  SLUICE_CHECK(view.size() == size);
  return std::span(static_cast<std::byte*>(view.data), size);
}

std::vector<Value> ValueSink::results() {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (tensors_[i].datatype() != DataType::undefined) {
      values_[i] = Value(std::move(tensors_[i]));
    }
  }
  return std::move(values_);
}

std::size_t StepContext::graph_at(std::string_view attribute) const {
  const auto& graphs = step_.step->graphs;
  const auto found = std::ranges::find(
      graphs, attribute, [](const auto& graph) { return std::string_view(graph->attribute); });
  SLUICE_CHECK(found != graphs.end());  // parse has asked for it
  return static_cast<std::size_t>(found - graphs.begin());
}

const std::vector<Declared>& StepContext::graph_outputs(std::string_view attribute) {
  return step_.step->graphs[graph_at(attribute)]->plan.outputs;
}

Result<std::vector<Value>> StepContext::run_graph(std::string_view attribute,
                                                  std::span<const ValueInput> inputs) {
  const std::size_t at = graph_at(attribute);
  const Subgraph& graph = *step_.step->graphs[at];
  if (inputs.size() != graph.declared_inputs) {
    return Error{ErrorCode::invalid_argument,
                 "gives its graph '" + graph.attribute + "' " + std::to_string(inputs.size()) +
                     " inputs, which has " + std::to_string(graph.declared_inputs)};
  }
  if (step_.runners.size() < step_.step->graphs.size()) {
    step_.runners.resize(step_.step->graphs.size());
  }
  if (step_.runners[at] == nullptr) {
    step_.runners[at] = std::make_shared<Runner>(graph.plan);
  }
  std::vector<Value> copies;  // of strings, which are handed over as values alone
  copies.reserve(inputs.size() + graph.captured.size());
  std::vector<InputView> views;
  views.reserve(inputs.size() + graph.captured.size());
  const auto add = [&](const ValueInput& input) -> Result<void> {
    if (input.value == nullptr && input.tensor.datatype == DataType::string) {
      SLUICE_TRY_ASSIGN(Value copy, value_of(input));
      copies.push_back(std::move(copy));
      views.push_back(view_of(input_of(copies.back())));
    } else {
      views.push_back(view_of(input));
    }
    return {};
  };
  for (const ValueInput& input : inputs) {
    SLUICE_TRY(add(input));
  }
  for (const std::size_t position : graph.captured) {
    SLUICE_TRY(add(values_[position]));
  }
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < graph.plan.outputs.size(); ++i) {
    wanted.push_back(i);
  }
  ValueSink sink(wanted.size());
  SLUICE_TRY(step_.runners[at]->run(
      {.inputs = views, .outputs = wanted, .allocator = &sink, .stop = stop_, .sink = &sink}));
  return sink.results();
}

}  // namespace sluice::engine
