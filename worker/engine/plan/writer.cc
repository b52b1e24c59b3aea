#include "worker/engine/plan/writer.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <onnx/onnx_pb.h>

#include "common/base/limits.h"
#include "common/base/version.h"
#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/plan/writer_types.h"
#include "worker/engine/read/maps.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kInitializersNeedNoInput = 4;  // the IR version since which they do not

using Names = std::vector<std::string>;  // by ValueId

// Two elements a byte, the first in the lower half.
std::string pack(std::span<const std::byte> elements) {
  std::string packed((elements.size() + 1) / 2, '\0');
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto code = std::to_integer<unsigned>(elements[i]) & 0xFU;
    const auto held = static_cast<unsigned char>(packed[i / 2]);
    packed[i / 2] = static_cast<char>(held | (i % 2 == 0 ? code : code << 4U));
  }
  return packed;
}

Result<void> write_tensor(Constant& constant, onnx::TensorProto& proto) {
  proto.set_data_type(onnx_type_of(constant.datatype()));
  for (const std::int64_t extent : constant.dims()) {
    proto.add_dims(extent);
  }
  if (constant.datatype() == DataType::string) {
    SLUICE_TRY_ASSIGN(const TensorView view, constant.view());
    for (const std::string& text : view.as<std::string>()) {
      proto.add_string_data(text);
    }
    return {};
  }
  const auto bytes = constant.bytes();
  const bool packs =
      constant.datatype() == DataType::int4 || constant.datatype() == DataType::uint4;
  // NOLINTNEXTLINE: bytes are characters to protobuf.
  const auto* const data = reinterpret_cast<const char*>(bytes.data());
  proto.set_raw_data(packs ? pack(bytes) : std::string(data, bytes.size()));
  return {};
}

class Writer {
 public:
  explicit Writer(const Registry& registry) : registry_(registry) {}

  Result<onnx::ModelProto> write(const Plan& plan, const FileFacts& facts);

 private:
  Result<void> check(const Node& node);
  // `captured`: what the graphs inside take from here, in the order of the attributes.
  Result<void> write_node(const Node& node,
                          std::span<const ValueId> inputs,
                          std::span<const ValueId> captured,
                          const Names& names,
                          onnx::NodeProto& proto);
  Result<void> write_attribute(const Attribute& attribute, onnx::AttributeProto& proto);
  Result<void> write_graph(const Graph& graph, const Names& names, onnx::GraphProto& proto);

  const Registry& registry_;
  std::map<std::string, int> opsets_;
};

// The opset that the file has for a node's domain gives the node the version that it has here.
Result<void> Writer::check(const Node& node) {
  if (node.domain == kFusedDomain || node.domain == kWrittenDomain) {
    return Error{ErrorCode::unsupported,
                 describe(node) + " is the engine's own: no file can hold it"};
  }
  const int opset = opsets_.emplace(node.domain, node.opset).first->second;
  const auto there = registry_.find(node.domain, node.op_type, opset);
  const auto here = registry_.find(node.domain, node.op_type, node.opset);
  if (!there || !here || there->since != here->since) {
    return Error{ErrorCode::unsupported,
                 describe(node) + " is of opset " + std::to_string(node.opset) +
                     ", as the engine reads operators of com.microsoft and functions; the file is "
                     "of opset " +
                     std::to_string(opset)};
  }
  return {};
}

Result<void> Writer::write_attribute(const Attribute& attribute, onnx::AttributeProto& proto) {
  proto.set_name(attribute.name);
  switch (attribute.kind) {
    case AttributeKind::integer:
      proto.set_type(onnx::AttributeProto::INT);
      proto.set_i(attribute.integer);
      return {};
    case AttributeKind::real:
      proto.set_type(onnx::AttributeProto::FLOAT);
      proto.set_f(attribute.real);
      return {};
    case AttributeKind::text:
      proto.set_type(onnx::AttributeProto::STRING);
      proto.set_s(attribute.text);
      return {};
    case AttributeKind::tensor:
      proto.set_type(onnx::AttributeProto::TENSOR);
      return write_tensor(*attribute.tensor, *proto.mutable_t());
    case AttributeKind::integers:
      proto.set_type(onnx::AttributeProto::INTS);
      proto.mutable_ints()->Add(attribute.integers.begin(), attribute.integers.end());
      return {};
    case AttributeKind::reals:
      proto.set_type(onnx::AttributeProto::FLOATS);
      proto.mutable_floats()->Add(attribute.reals.begin(), attribute.reals.end());
      return {};
    case AttributeKind::texts:
      proto.set_type(onnx::AttributeProto::STRINGS);
      for (const std::string& text : attribute.texts) {
        proto.add_strings(text);
      }
      return {};
    case AttributeKind::graph:  // write_node's
    case AttributeKind::type:
      break;
  }
  return Error{ErrorCode::unsupported, "its attribute '" + attribute.name + "' is a type"};
}

// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
Result<void> Writer::write_node(const Node& node,
                                std::span<const ValueId> inputs,
                                std::span<const ValueId> captured,
                                const Names& names,
                                onnx::NodeProto& proto) {
  SLUICE_TRY(check(node));
  proto.set_name(node.name);
  proto.set_op_type(node.op_type);
  proto.set_domain(node.domain);
  const auto name_of_value = [&](ValueId value) {
    return value == kNoValue ? std::string() : names[value];
  };
  if (reads_map(node)) {
    proto.add_input(map_name(name_of_value(inputs[0])));
    inputs = {};
  }
  for (const ValueId value : inputs) {
    proto.add_input(name_of_value(value));
  }
  for (const ValueId value : node.outputs) {
    proto.add_output(name_of_value(value));
  }
  std::size_t taken = 0;
  for (const Attribute& attribute : node.attributes) {
    onnx::AttributeProto& to = *proto.add_attribute();
    if (attribute.graph == nullptr) {
      if (auto written = write_attribute(attribute, to); !written) {
        return with_context(std::move(written).error(), describe(node));
      }
      continue;
    }
    to.set_name(attribute.name);
    to.set_type(onnx::AttributeProto::GRAPH);
    Names inside = attribute.graph->value_names;
    for (const ValueId value : attribute.graph->captures) {
      inside[value] = names[captured[taken++]];
    }
    SLUICE_TRY(write_graph(*attribute.graph, inside, *to.mutable_g()));
  }
  return {};
}

// NOLINTNEXTLINE(misc-no-recursion): the reader bounds the depth
Result<void> Writer::write_graph(const Graph& graph, const Names& names, onnx::GraphProto& proto) {
  proto.set_name(graph.name);
  for (const Declared& input : graph.inputs) {
    SLUICE_TRY(write_declared(input, names[input.value], *proto.add_input()));
  }
  for (const Declared& output : graph.outputs) {
    SLUICE_TRY(write_declared(output, names[output.value], *proto.add_output()));
  }
  for (const auto& [value, constant] : graph.constants) {
    onnx::TensorProto& tensor = *proto.add_initializer();
    tensor.set_name(names[value]);
    SLUICE_TRY(write_tensor(*constant, tensor));
  }
  for (const Node& node : graph.nodes) {
    std::vector<ValueId> captured;
    for (const Attribute& attribute : node.attributes) {
      captured.insert(captured.end(), attribute.captured.begin(), attribute.captured.end());
    }
    SLUICE_TRY(write_node(node, node.inputs, captured, names, *proto.add_node()));
  }
  return {};
}

// Each value its own name; those of inputs and outputs stay.
Names unique_names(const Plan& plan) {
  Names names = plan.value_names;
  std::set<std::string> taken;
  std::set<ValueId> fixed;
  for (const auto* const list : {&plan.inputs, &plan.outputs}) {
    for (const Declared& declared : *list) {
      taken.insert(names[declared.value]);
      fixed.insert(declared.value);
    }
  }
  for (ValueId value = 0; value < names.size(); ++value) {
    if (fixed.contains(value)) {
      continue;
    }
    const std::string base = names[value];
    for (int i = 1; names[value].empty() || !taken.insert(names[value]).second; ++i) {
      names[value] = base + "_" + std::to_string(i);
    }
  }
  return names;
}

// The constants that a step or an output reads, in the order of the plan's values.
std::set<ValueId> constants_read(const Plan& plan) {
  std::set<ValueId> read;
  const auto note = [&](ValueId value) {
    if (plan.is_constant(value)) {
      read.insert(value);
    }
  };
  for (const Step& step : plan.steps) {
    std::ranges::for_each(step.node.inputs, note);
  }
  for (const Declared& output : plan.outputs) {
    note(output.value);
  }
  return read;
}

Result<onnx::ModelProto> Writer::write(const Plan& plan, const FileFacts& facts) {
  onnx::ModelProto model;
  model.set_ir_version(std::max(facts.ir_version, kInitializersNeedNoInput));
  model.set_producer_name("sluice");
  model.set_producer_version(std::string(kVersion));
  model.set_doc_string(plan.info.description);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("optimized");
  const Names names = unique_names(plan);
  SLUICE_TRY(write_inputs(plan, names, graph));
  for (const Declared& output : plan.outputs) {
    onnx::ValueInfoProto& value = *graph.add_output();
    if (!write_maps(plan, output, names[output.value], value)) {
      SLUICE_TRY(write_declared(output, names[output.value], value));
    }
  }
  for (const auto& import : facts.opsets) {
    const bool used =
        import.first.empty() || std::ranges::any_of(plan.steps, [&](const Step& step) {
          return step.node.domain == import.first;
        });
    if (used) {
      opsets_.insert(import);
    }
  }
  for (const Step& step : plan.steps) {
    const std::span<const ValueId> inputs = step.node.inputs;
    SLUICE_TRY(write_node(step.node,
                          inputs.first(step.written_inputs),
                          inputs.subspan(step.written_inputs),
                          names,
                          *graph.add_node()));
  }
  for (const auto& [domain, opset] : opsets_) {
    auto& import = *model.add_opset_import();
    import.set_domain(domain);
    import.set_version(opset);
  }
  for (const ValueId value : constants_read(plan)) {
    onnx::TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(names[value]);
    SLUICE_TRY(write_tensor(*plan.constants[value], tensor));
  }
  return model;
}

}  // namespace

Result<std::string> write_model(const Plan& plan,
                                const FileFacts& facts,
                                const Registry& registry) {
  std::size_t bytes = 0;
  for (const ValueId value : constants_read(plan)) {
    if (plan.constants[value]->datatype() != DataType::string) {
      bytes += plan.constants[value]->bytes().size();
    }
  }
  const Error too_large{ErrorCode::resource_exhausted,
                        "its weights are " + std::to_string(bytes / 1'000'000) +
                            " MB, more than one file of ONNX can hold"};
  if (bytes > limits::kInlineModelBytes) {
    return too_large;
  }
  SLUICE_TRY_ASSIGN(const onnx::ModelProto model, Writer(registry).write(plan, facts));
  if (model.ByteSizeLong() > limits::kInlineModelBytes) {
    return too_large;
  }
  return model.SerializeAsString();
}

}  // namespace sluice::engine
