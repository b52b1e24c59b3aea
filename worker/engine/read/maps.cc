#include "worker/engine/read/maps.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine/graph/registry.h"

namespace sluice::engine {
namespace {

struct Opened {
  ValueId keys = kNoValue;
  ValueId values = kNoValue;
};
using OpenedMaps = std::map<ValueId, Opened>;

Error error_at(ErrorCode code, const Node& node, const std::string& what) {
  return {code, describe(node) + " " + what};
}

std::string quoted(const Graph& graph, ValueId value) {
  return "'" + (value == kNoValue ? std::string() : graph.value_names[value]) + "'";
}

Opened add_pair(Graph& graph, ValueId map) {
  const std::string name = graph.value_names[map];
  return {.keys = graph.add_value(name + std::string(kKeysSuffix)),
          .values = graph.add_value(name + std::string(kValuesSuffix))};
}

Result<void> open_inputs(Graph& graph, OpenedMaps& maps) {
  std::vector<Declared> inputs;
  for (Declared& input : graph.inputs) {
    if (input.form != Form::map) {
      inputs.push_back(std::move(input));
      continue;
    }
    const bool keyed = input.key == DataType::string || input.key == DataType::int64;
    const bool valued = input.datatype == DataType::string || input.datatype == DataType::int64 ||
                        input.datatype == DataType::float32 || input.datatype == DataType::float64;
    const bool single = std::ranges::all_of(input.dims, [](auto extent) { return extent <= 1; });
    if (!keyed || !valued || !single) {
      return Error{ErrorCode::unsupported,
                   "input " + quoted(graph, input.value) + " is a map from " +
                       std::string(name_of(input.key)) + " to " +
                       std::string(name_of(input.datatype)) + to_string(input.dims)};
    }
    const Opened pair = add_pair(graph, input.value);
    maps.emplace(input.value, pair);
    const Declared part{
        .has_shape = true, .dims = {-1}, .symbols = {graph.value_names[input.value] + ".size"}};
    inputs.insert(inputs.end(), 2, part);
    Declared& keys = inputs[inputs.size() - 2];
    keys.value = pair.keys;
    keys.datatype = input.key;
    keys.form = Form::map_keys;
    Declared& values = inputs.back();
    values.value = pair.values;
    values.datatype = input.datatype;
    values.form = Form::map_values;
  }
  graph.inputs = std::move(inputs);
  return {};
}

// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
Result<void> open_in_nodes(Graph& graph, const OpenedMaps& maps);

// What the graph inside takes from around, where it is a map: two values, there and here.
// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
Result<void> open_captured(Attribute& attribute, const OpenedMaps& maps) {
  Graph& inside = *attribute.graph;
  OpenedMaps inside_maps;
  std::vector<ValueId> captures;
  std::vector<ValueId> captured;
  for (std::size_t i = 0; i < attribute.captured.size(); ++i) {
    const auto found = maps.find(attribute.captured[i]);
    if (found == maps.end()) {
      captures.push_back(inside.captures[i]);
      captured.push_back(attribute.captured[i]);
      continue;
    }
    const Opened pair = add_pair(inside, inside.captures[i]);
    inside_maps.emplace(inside.captures[i], pair);
    captures.insert(captures.end(), {pair.keys, pair.values});
    captured.insert(captured.end(), {found->second.keys, found->second.values});
  }
  inside.captures = std::move(captures);
  attribute.captured = std::move(captured);
  return open_in_nodes(inside, inside_maps);
}

// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
Result<void> open_in_nodes(Graph& graph, const OpenedMaps& maps) {
  for (Node& node : graph.nodes) {
    if (reads_map(node)) {
      const auto found = node.inputs.size() == 1 ? maps.find(node.inputs[0]) : maps.end();
      if (found == maps.end()) {
        return error_at(ErrorCode::data_corrupt, node, "reads something else than one map");
      }
      node.inputs = {found->second.keys, found->second.values};
    }
    for (const ValueId value : node.inputs) {
      if (maps.contains(value)) {
        return error_at(
            ErrorCode::unsupported,
            node,
            "reads the map " + quoted(graph, value) + ", which only CastMap and DictVectorizer do");
      }
    }
    for (Attribute& attribute : node.attributes) {
      if (attribute.graph != nullptr) {
        SLUICE_TRY(open_captured(attribute, maps));
      }
    }
  }
  for (const Declared& output : graph.outputs) {
    if (maps.contains(output.value)) {
      return Error{
          ErrorCode::unsupported,
          "output " + quoted(graph, output.value) + " is a map, which no answer can carry"};
    }
  }
  return {};
}

}  // namespace

bool reads_map(const Node& node) {
  return node.domain == kMlDomain &&
         (node.op_type == "CastMap" || node.op_type == "DictVectorizer");
}

std::string map_name(const std::string& keys) {
  return keys.substr(0, keys.size() - std::min(keys.size(), kKeysSuffix.size()));
}

Result<void> open_maps(Graph& graph) {
  OpenedMaps maps;
  SLUICE_TRY(open_inputs(graph, maps));
  SLUICE_TRY(open_in_nodes(graph, maps));
  return {};
}

}  // namespace sluice::engine
