// From ONNX's protobuf classes to a Graph. Everything in a model is hostile until it is in one:
// names, dims, sizes and offsets are checked here and in tensors.cc.

#include "worker/engine/read/reader.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include "common/base/limits.h"
#include "worker/engine/read/declared.h"
#include "worker/engine/read/facts.h"
#include "worker/engine/read/functions.h"
#include "worker/engine/read/maps.h"
#include "worker/engine/read/tensors.h"
#include "worker/engine/read/thin_model.h"

namespace sluice::engine {
namespace {

class Reader {
 public:
  Reader(std::span<const std::byte> file, std::string folder)
      : file_(file), tensors_(file, std::move(folder)) {}

  Result<Model> read();

 private:
  using Names = std::unordered_map<std::string, ValueId>;

  Result<Attribute> read_attribute(const onnx::AttributeProto& proto, int depth);
  Result<void> read_tensor_attribute(const onnx::AttributeProto& proto, Attribute& attribute);
  Result<Node> read_node(const onnx::NodeProto& proto, int depth);
  Result<Graph> read_graph(const onnx::GraphProto& proto, int depth);
  Result<void> read_initializers(const onnx::GraphProto& proto, Graph& graph, Names& names);
  static Result<void> read_inputs(const onnx::GraphProto& proto,
                                  Graph& graph,
                                  Names& names,
                                  int depth);
  static Result<void> read_outputs(const onnx::GraphProto& proto,
                                   Graph& graph,
                                   Names& names,
                                   int depth);
  Result<void> read_nodes(const onnx::GraphProto& proto, Graph& graph, Names& names, int depth);
  static Result<void> connect(const onnx::GraphProto& proto, Graph& graph, Names& names, int depth);
  static Result<ValueId> resolve(
      const std::string& name, const Node& node, Graph& graph, Names& names, int depth);

  std::span<const std::byte> file_;
  TensorReader tensors_;
  Opsets opsets_;
  NodeOpsets function_opsets_;
};

// The kind is `type` where it is given (always, since IR 2), else what is filled in.
onnx::AttributeProto::AttributeType type_of(const onnx::AttributeProto& proto) {
  if (proto.type() != onnx::AttributeProto::UNDEFINED) {
    return proto.type();
  }
  return proto.has_f()          ? onnx::AttributeProto::FLOAT
         : proto.has_i()        ? onnx::AttributeProto::INT
         : proto.has_s()        ? onnx::AttributeProto::STRING
         : proto.has_t()        ? onnx::AttributeProto::TENSOR
         : proto.has_g()        ? onnx::AttributeProto::GRAPH
         : proto.floats_size()  ? onnx::AttributeProto::FLOATS
         : proto.strings_size() ? onnx::AttributeProto::STRINGS
                                : onnx::AttributeProto::INTS;
}

Result<Attribute> Reader::read_attribute(const onnx::AttributeProto& proto, int depth) {
  Attribute attribute{.name = proto.name()};
  switch (type_of(proto)) {
    case onnx::AttributeProto::FLOAT:
      attribute.kind = AttributeKind::real;
      attribute.real = proto.f();
      return attribute;
    case onnx::AttributeProto::INT:
      attribute.kind = AttributeKind::integer;
      attribute.integer = proto.i();
      return attribute;
    case onnx::AttributeProto::STRING:
      attribute.kind = AttributeKind::text;
      attribute.text = proto.s();
      return attribute;
    case onnx::AttributeProto::FLOATS:
      attribute.kind = AttributeKind::reals;
      attribute.reals.assign(proto.floats().begin(), proto.floats().end());
      return attribute;
    case onnx::AttributeProto::INTS:
      attribute.kind = AttributeKind::integers;
      attribute.integers.assign(proto.ints().begin(), proto.ints().end());
      return attribute;
    case onnx::AttributeProto::STRINGS:
      attribute.kind = AttributeKind::texts;
      attribute.texts.assign(proto.strings().begin(), proto.strings().end());
      return attribute;
    case onnx::AttributeProto::TENSOR:
    case onnx::AttributeProto::SPARSE_TENSOR:
      SLUICE_TRY(read_tensor_attribute(proto, attribute));
      return attribute;
    case onnx::AttributeProto::TYPE_PROTO:
      attribute.kind = AttributeKind::type;
      return attribute;
    case onnx::AttributeProto::GRAPH: {
      attribute.kind = AttributeKind::graph;
      SLUICE_TRY_ASSIGN(Graph graph, read_graph(proto.g(), depth + 1));
      attribute.graph = std::make_shared<Graph>(std::move(graph));
      return attribute;
    }
    default:
      return Error{ErrorCode::unsupported,
                   "attribute '" + proto.name() + "' has ONNX attribute type " +
                       std::to_string(proto.type())};
  }
}

Result<void> Reader::read_tensor_attribute(const onnx::AttributeProto& proto,
                                           Attribute& attribute) {
  attribute.kind = AttributeKind::tensor;
  if (type_of(proto) == onnx::AttributeProto::TENSOR) {
    SLUICE_TRY_ASSIGN(attribute.tensor, tensors_.read(proto.t()));
  } else {
    SLUICE_TRY_ASSIGN(attribute.tensor, tensors_.read_sparse(proto.sparse_tensor()));
  }
  return {};
}

Result<Node> Reader::read_node(const onnx::NodeProto& proto, int depth) {
  Node node{.name = proto.name(), .op_type = proto.op_type(), .domain = domain_of(proto.domain())};
  if (node.name.empty() && proto.output_size() > 0) {
    node.name = proto.output(0);  // what every tool shows for nodes without names
  }
  const Opsets* own = function_opsets_.find(proto);
  const Opsets& opsets = own != nullptr ? *own : opsets_;
  const auto opset = opsets.find(node.domain);
  if (opset == opsets.end()) {
    return corrupt(describe(node) + " is of domain '" + node.domain +
                   "', which the model does not import");
  }
  node.opset = opset->second;
  for (const auto& attribute : proto.attribute()) {
    auto read = read_attribute(attribute, depth);
    if (!read) {
      return with_context(std::move(read).error(), describe(node));
    }
    node.attributes.push_back(*std::move(read));
  }
  return node;
}

Result<void> Reader::read_initializers(const onnx::GraphProto& proto, Graph& graph, Names& names) {
  const auto add = [&](const std::string& name,
                       std::shared_ptr<Constant> constant) -> Result<void> {
    if (names.contains(name)) {
      return corrupt("initializer '" + name + "' exists twice");
    }
    const ValueId value = graph.add_value(name);
    names.emplace(name, value);
    graph.constants.emplace(value, std::move(constant));
    return {};
  };
  for (const auto& tensor : proto.initializer()) {
    SLUICE_TRY_ASSIGN(auto constant, tensors_.read(tensor));
    SLUICE_TRY(add(tensor.name(), std::move(constant)));
  }
  for (const auto& sparse : proto.sparse_initializer()) {
    SLUICE_TRY_ASSIGN(auto constant, tensors_.read_sparse(sparse));
    SLUICE_TRY(add(sparse.values().name(), std::move(constant)));
  }
  return {};
}

Result<void> Reader::read_inputs(const onnx::GraphProto& proto,
                                 Graph& graph,
                                 Names& names,
                                 int depth) {
  std::set<std::string> seen;
  for (const auto& input : proto.input()) {
    if (!seen.insert(input.name()).second) {
      return corrupt("input '" + input.name() + "' exists twice");
    }
    if (names.contains(input.name())) {
      continue;  // only names an initialiser
    }
    auto read = depth == 0 ? read_declared(input) : read_hint(input);
    if (!read) {
      return with_context(std::move(read).error(), "input");
    }
    Declared declared = *std::move(read);
    declared.value = graph.add_value(input.name());
    names.emplace(input.name(), declared.value);
    graph.inputs.push_back(std::move(declared));
  }
  return {};
}

bool is_constant(const Node& node) {
  return node.domain.empty() && node.op_type == "Constant" && node.outputs.size() == 1;
}

// The nodes and what they make. Nodes may come in any order.
Result<void> Reader::read_nodes(const onnx::GraphProto& proto,
                                Graph& graph,
                                Names& names,
                                int depth) {
  for (const auto& node : proto.node()) {
    SLUICE_TRY_ASSIGN(Node read, read_node(node, depth));
    for (const auto& output : node.output()) {
      if (output.empty()) {
        read.outputs.push_back(kNoValue);
        continue;
      }
      const ValueId value = graph.add_value(output);
      const auto [at, is_new] = names.emplace(output, value);
      read.outputs.push_back(value);
      if (is_new) {
        continue;
      }
      // Tools that shrink models write a Constant anew behind the old one: the last one holds, as
      // in ONNX Runtime. The first becomes a value that nobody reads.
      const auto first = std::ranges::find_if(graph.nodes, [&, old = at->second](const Node& made) {
        return is_constant(made) && made.outputs[0] == old;
      });
      if (!is_constant(read) || first == graph.nodes.end()) {
        return corrupt("value '" + output + "' is made twice, the second time by " +
                       describe(read));
      }
      at->second = value;
    }
    graph.nodes.push_back(std::move(read));
  }
  return {};
}

// What `name` stands for in this graph; in one inside another it may come from around.
Result<ValueId> Reader::resolve(
    const std::string& name, const Node& node, Graph& graph, Names& names, int depth) {
  const auto found = names.find(name);
  if (found != names.end()) {
    return found->second;
  }
  if (depth == 0) {
    return corrupt(describe(node) + " reads '" + name + "', which nothing makes");
  }
  const ValueId value = graph.add_value(name);
  graph.captures.push_back(value);
  names.emplace(name, value);
  return value;
}

// Gives every node's inputs, and what the graphs inside take from here, their values.
Result<void> Reader::connect(const onnx::GraphProto& proto, Graph& graph, Names& names, int depth) {
  for (int i = 0; i < proto.node_size(); ++i) {
    Node& node = graph.nodes[static_cast<std::size_t>(i)];
    for (const auto& input : proto.node(i).input()) {
      if (input.empty()) {
        node.inputs.push_back(kNoValue);
        continue;
      }
      SLUICE_TRY_ASSIGN(const ValueId value, resolve(input, node, graph, names, depth));
      node.inputs.push_back(value);
    }
    for (Attribute& attribute : node.attributes) {
      if (attribute.graph == nullptr) {
        continue;
      }
      for (const ValueId inside : attribute.graph->captures) {
        const std::string& name = attribute.graph->value_names[inside];
        SLUICE_TRY_ASSIGN(const ValueId value, resolve(name, node, graph, names, depth));
        attribute.captured.push_back(value);
      }
    }
  }
  return {};
}

Result<void> Reader::read_outputs(const onnx::GraphProto& proto,
                                  Graph& graph,
                                  Names& names,
                                  int depth) {
  for (const auto& output : proto.output()) {
    auto read = depth == 0 ? read_declared(output) : read_hint(output);
    if (!read) {
      return with_context(std::move(read).error(), "output");
    }
    Declared declared = *std::move(read);
    const auto found = names.find(output.name());
    if (found != names.end()) {
      declared.value = found->second;
    } else if (depth == 0 || output.name().empty()) {
      return corrupt("output '" + output.name() + "' is made by nothing");
    } else {  // straight from the graph around
      declared.value = graph.add_value(output.name());
      graph.captures.push_back(declared.value);
      names.emplace(output.name(), declared.value);
    }
    graph.outputs.push_back(std::move(declared));
  }
  return {};
}

Result<Graph> Reader::read_graph(const onnx::GraphProto& proto, int depth) {
  if (static_cast<std::size_t>(proto.node_size()) > limits::kModelNodes) {
    return Error{ErrorCode::resource_exhausted,
                 "the graph has " + std::to_string(proto.node_size()) + " nodes"};
  }
  Graph graph;
  Names names;
  graph.name = proto.name();
  graph.description = proto.doc_string();
  SLUICE_TRY(read_initializers(proto, graph, names));
  SLUICE_TRY(read_inputs(proto, graph, names, depth));
  SLUICE_TRY(read_nodes(proto, graph, names, depth));
  SLUICE_TRY(connect(proto, graph, names, depth));
  SLUICE_TRY(read_outputs(proto, graph, names, depth));
  return graph;
}

Result<Model> Reader::read() {
  SLUICE_TRY_ASSIGN(const std::string thin, thin_model(file_));
  if (thin.size() > limits::kInlineModelBytes) {
    return Error{
        ErrorCode::resource_exhausted,
        "the model without its weights is over 2 GB; keep tensors as raw or external data"};
  }
  google::protobuf::LogSilencer silent;  // its words about broken bytes are for programmers
  onnx::ModelProto proto;
  google::protobuf::io::ArrayInputStream stream(thin.data(), static_cast<int>(thin.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(2 * limits::kModelDepth);
  if (!proto.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    return corrupt("not an ONNX model: its protobuf message cannot be read");
  }
  if (!proto.has_graph()) {
    return corrupt("not an ONNX model: it has no graph");
  }
  SLUICE_TRY_ASSIGN(opsets_, read_opsets(proto.opset_import()));
  if (opsets_.empty()) {
    opsets_.emplace("", 1);  // the specification's rule for files without imports (IR 1 and 2)
  }
  Model model;
  model.facts = facts_of(proto, opsets_);
  SLUICE_TRY_ASSIGN(function_opsets_, expand_functions(proto));
  SLUICE_TRY_ASSIGN(model.graph, read_graph(proto.graph(), 0));
  SLUICE_TRY(open_maps(model.graph));
  model.description = proto.doc_string().empty() ? proto.graph().doc_string() : proto.doc_string();
  model.files = tensors_.take_files();
  return model;
}

}  // namespace

Result<Model> parse_model(std::span<const std::byte> bytes, const std::string& folder) {
  if (bytes.size() > limits::kInlineModelBytes) {
    return Error{ErrorCode::resource_exhausted,
                 "the file is over 2 GB, more than protobuf allows; keep its weights as external "
                 "data beside it"};
  }
  try {
    return Reader(bytes, folder).read();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "no memory to read the model"};
  } catch (const google::protobuf::FatalException&) {
    return corrupt("not an ONNX model: its protobuf message cannot be read");
  }
}

Result<Model> read_model(const std::string& path) {
  SLUICE_TRY_ASSIGN(MappedFile file, MappedFile::open(path));
  const auto slash = path.find_last_of('/');
  auto model =
      parse_model(file.bytes(), slash == std::string::npos ? "" : path.substr(0, slash + 1));
  if (!model) {
    return with_context(std::move(model).error(), "'" + path + "'");
  }
  model->files.push_back(std::move(file));
  return model;
}

}  // namespace sluice::engine
