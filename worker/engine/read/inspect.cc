#include "worker/engine/read/inspect.h"

#include <algorithm>
#include <map>
#include <utility>

#include "worker/engine/plan/plan.h"
#include "worker/engine/session.h"

namespace sluice::engine {
namespace {

using NodesByReason = std::map<std::string, std::vector<std::string>>;

// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
void collect_missing(const Graph& graph, const Registry& registry, NodesByReason& missing) {
  for (const Node& node : graph.nodes) {
    if (node.domain == kFusedDomain) {
      missing[std::string(kFusedDomain) + "." + node.op_type].push_back(node.name);
    } else if (auto found = registry.find(node.domain, node.op_type, node.opset); !found) {
      missing[found.error().detail].push_back(node.name);
    }
    for (const Attribute& attribute : node.attributes) {
      if (attribute.graph != nullptr) {
        collect_missing(*attribute.graph, registry, missing);
      }
    }
  }
}

void count_parameters(const Constant& constant, Inspection& found) {
  const auto elements = element_count(constant.dims());
  const bool sized = constant.datatype() != DataType::string;
  const auto bytes = byte_count(sized ? constant.datatype() : DataType::int8, constant.dims());
  found.parameters += elements ? static_cast<std::uint64_t>(*elements) : 0;
  found.parameter_bytes += sized && bytes ? *bytes : 0;
}

// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
void count_parameters(const Graph& graph, Inspection& found) {
  for (const auto& [value, constant] : graph.constants) {
    count_parameters(*constant, found);
  }
  for (const Node& node : graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      if (attribute.tensor != nullptr && node.op_type == "Constant") {
        count_parameters(*attribute.tensor, found);
      }
      if (attribute.graph != nullptr) {
        count_parameters(*attribute.graph, found);
      }
    }
  }
}

std::vector<std::vector<std::string>> symbols_of(const std::vector<Declared>& values) {
  std::vector<std::vector<std::string>> symbols;
  for (const Declared& value : values) {
    symbols.push_back(value.symbols);
  }
  return symbols;
}

}  // namespace

std::vector<MissingOperator> missing_operators(const Graph& graph, const Registry& registry) {
  NodesByReason missing;
  collect_missing(graph, registry, missing);
  std::vector<MissingOperator> listed;
  for (auto& [what, nodes] : missing) {
    listed.push_back({.what = what, .nodes = std::move(nodes)});
  }
  return listed;
}

Inspection inspect(Model model, std::shared_ptr<const Registry> registry) {
  Inspection found{.facts = model.facts, .info = info_of(model)};
  found.input_symbols = symbols_of(model.graph.inputs);
  found.output_symbols = symbols_of(model.graph.outputs);
  count_parameters(model.graph, found);
  found.missing = missing_operators(model.graph, *registry);
  if (const auto session = make_session(std::move(model), 1, std::move(registry), {}); !session) {
    found.refusal = session.error().detail;
  }
  return found;
}

}  // namespace sluice::engine
