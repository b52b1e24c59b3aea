// The one file that includes ONNX's headers. Everything in a model is hostile until it is in a
// Graph: names, dims, sizes and offsets are checked here.

#include "worker/engine/reader.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include "common/base/limits.h"
#include "worker/engine/thin_model.h"

namespace sluice::engine {
namespace {

Error corrupt(std::string detail) {
  return {ErrorCode::data_corrupt, std::move(detail)};
}

DataType datatype_of(int onnx_type) {
  switch (onnx_type) {
    using enum DataType;
    case onnx::TensorProto::FLOAT:
      return float32;
    case onnx::TensorProto::UINT8:
      return uint8;
    case onnx::TensorProto::INT8:
      return int8;
    case onnx::TensorProto::UINT16:
      return uint16;
    case onnx::TensorProto::INT16:
      return int16;
    case onnx::TensorProto::INT32:
      return int32;
    case onnx::TensorProto::INT64:
      return int64;
    case onnx::TensorProto::STRING:
      return string;
    case onnx::TensorProto::BOOL:
      return boolean;
    case onnx::TensorProto::FLOAT16:
      return float16;
    case onnx::TensorProto::DOUBLE:
      return float64;
    case onnx::TensorProto::UINT32:
      return uint32;
    case onnx::TensorProto::UINT64:
      return uint64;
    case onnx::TensorProto::BFLOAT16:
      return bfloat16;
    default:
      return undefined;
  }
}

// Copies the typed field `from` (one entry an element) into the tensor's elements.
template <class T, class Field>
Result<void> fill(TensorView to, const Field& from) {
  if (static_cast<std::int64_t>(from.size()) != to.count) {
    return corrupt("has " + std::to_string(from.size()) + " values, its shape " +
                   to_string(to.dims) + " needs " + std::to_string(to.count));
  }
  auto* out = static_cast<T*>(to.data);
  for (int i = 0; i < from.size(); ++i) {
    out[i] = static_cast<T>(from[i]);
  }
  return {};
}

Result<void> fill_typed(const onnx::TensorProto& proto, TensorView to) {
  switch (to.datatype) {
    using enum DataType;
    case float32:
      return fill<float>(to, proto.float_data());
    case float64:
      return fill<double>(to, proto.double_data());
    case int64:
      return fill<std::int64_t>(to, proto.int64_data());
    case uint64:
      return fill<std::uint64_t>(to, proto.uint64_data());
    case uint32:
      return fill<std::uint32_t>(to, proto.uint64_data());
    case int32:
      return fill<std::int32_t>(to, proto.int32_data());
    case int16:
      return fill<std::int16_t>(to, proto.int32_data());
    case uint16:
    case float16:  // bit patterns
    case bfloat16:
      return fill<std::uint16_t>(to, proto.int32_data());
    case int8:
      return fill<std::int8_t>(to, proto.int32_data());
    case uint8:
      return fill<std::uint8_t>(to, proto.int32_data());
    case boolean:
      for (const auto value : proto.int32_data()) {
        if (value != 0 && value != 1) {
          return corrupt("has a bool that is neither 0 nor 1");
        }
      }
      return fill<std::uint8_t>(to, proto.int32_data());
    case string:
      return fill<std::string>(to, proto.string_data());
    case undefined:
      break;
  }
  return corrupt("has no datatype");
}

class Reader {
 public:
  Reader(std::span<const std::byte> file, std::string folder)
      : file_(file), folder_(std::move(folder)) {}

  Result<Model> read();

 private:
  using Names = std::unordered_map<std::string, ValueId>;

  Result<void> read_opsets(const onnx::ModelProto& proto);
  Result<std::shared_ptr<Constant>> read_tensor(const onnx::TensorProto& proto);
  Result<std::span<const std::byte>> external_bytes(const onnx::TensorProto& proto);
  Result<Attribute> read_attribute(const onnx::AttributeProto& proto, int depth);
  Result<Node> read_node(const onnx::NodeProto& proto, int depth);
  Result<Graph> read_graph(const onnx::GraphProto& proto, int depth);
  Result<void> read_initializers(const onnx::GraphProto& proto, Graph& graph, Names& names);
  Result<void> read_inputs(const onnx::GraphProto& proto, Graph& graph, Names& names);
  Result<void> connect(const onnx::GraphProto& proto, Graph& graph, Names& names, int depth);
  static Result<Declared> read_declared(const onnx::ValueInfoProto& proto);

  std::span<const std::byte> file_;
  std::string folder_;
  std::map<std::string, int> opsets_;
  std::vector<MappedFile> files_;
  std::map<std::string, std::size_t> open_files_;  // location -> index in files_
};

// "" and "ai.onnx" name the same domain.
std::string domain_of(const std::string& written) {
  return written == "ai.onnx" ? "" : written;
}

Result<void> Reader::read_opsets(const onnx::ModelProto& proto) {
  for (const auto& opset : proto.opset_import()) {
    const std::string domain = domain_of(opset.domain());
    if (opset.version() < 1 || opset.version() > 1'000'000) {
      return corrupt("imports opset " + std::to_string(opset.version()) + " of domain '" + domain +
                     "'");
    }
    const int version = static_cast<int>(opset.version());
    const auto [at, is_new] = opsets_.emplace(domain, version);
    if (!is_new && at->second != version) {
      return corrupt("imports domain '" + (domain.empty() ? "ai.onnx" : domain) +
                     "' twice, as opset " + std::to_string(at->second) + " and " +
                     std::to_string(version));
    }
  }
  if (opsets_.empty()) {
    opsets_.emplace("", 1);  // the specification's rule for files without imports (IR 1 and 2)
  }
  return {};
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty()
             ? std::optional(value)
             : std::nullopt;
}

Result<std::span<const std::byte>> Reader::external_bytes(const onnx::TensorProto& proto) {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  for (const auto& entry : proto.external_data()) {
    const auto number = number_of(entry.value());
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      if (!number) {
        return corrupt("external data has " + entry.key() + " '" + entry.value() + "'");
      }
      (entry.key() == "offset" ? offset : length.emplace()) = *number;
    }  // "checksum" is not used by any exporter; unknown keys are allowed by the specification
  }
  if (location.empty()) {
    return corrupt("external data names no location");
  }
  auto open = open_files_.find(location);
  if (open == open_files_.end()) {
    SLUICE_TRY_ASSIGN(MappedFile file, MappedFile::open_below(folder_, location));
    files_.push_back(std::move(file));
    open = open_files_.emplace(location, files_.size() - 1).first;
  }
  const auto bytes = files_[open->second].bytes();
  if (offset > bytes.size() || length.value_or(0) > bytes.size() - offset) {
    return corrupt("external data at " + std::to_string(offset) + " of '" + location +
                   "' ends behind the file's " + std::to_string(bytes.size()) + " bytes");
  }
  return bytes.subspan(offset, length.value_or(bytes.size() - offset));
}

Result<std::shared_ptr<Constant>> Reader::read_tensor(const onnx::TensorProto& proto) {
  const std::string where = "tensor '" + proto.name() + "'";
  const DataType datatype = datatype_of(proto.data_type());
  if (datatype == DataType::undefined) {
    return Error{ErrorCode::unsupported,
                 where + " has ONNX datatype " + std::to_string(proto.data_type()) +
                     ", which is not supported"};
  }
  Shape dims(proto.dims().begin(), proto.dims().end());
  auto count = element_count(dims);
  if (!count) {
    return with_context(corrupt(count.error().detail), where);
  }
  const bool external = proto.data_location() == onnx::TensorProto::EXTERNAL;
  std::optional<std::span<const std::byte>> raw;
  if (external) {
    auto bytes = external_bytes(proto);
    if (!bytes) {
      return with_context(std::move(bytes).error(), where);
    }
    raw = *bytes;
  } else if (proto.has_segment()) {
    raw = file_.subspan(static_cast<std::size_t>(proto.segment().begin()),
                        static_cast<std::size_t>(proto.segment().end() - proto.segment().begin()));
  } else if (proto.has_raw_data()) {
    raw = std::as_bytes(std::span(proto.raw_data()));
  }
  if (!raw) {
    // A tensor of a megabyte needs a megabyte in the file, so the size is honest before we
    // allocate.
    const std::int64_t there = proto.float_data_size() + proto.double_data_size() +
                               proto.int32_data_size() + proto.int64_data_size() +
                               proto.uint64_data_size() + proto.string_data_size();
    if (there != *count) {
      return corrupt(where + " has " + std::to_string(there) + " values, its shape " +
                     to_string(dims) + " needs " + std::to_string(*count));
    }
    SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(datatype, std::move(dims)));
    if (auto filled = fill_typed(proto, tensor.view()); !filled) {
      return with_context(std::move(filled).error(), where);
    }
    return std::make_shared<Constant>(std::move(tensor));
  }
  if (datatype == DataType::string) {
    return corrupt(where + " has strings as raw bytes");
  }
  auto size = byte_count(datatype, dims);
  if (!size) {
    return with_context(corrupt(size.error().detail), where);
  }
  if (*size != raw->size()) {
    return corrupt(where + " has " + std::to_string(raw->size()) + " bytes, its shape " +
                   to_string(dims) + " of " + std::string(name_of(datatype)) + " needs " +
                   std::to_string(*size));
  }
  if (*size >= kLargeRawData && (external || proto.has_segment())) {
    return std::make_shared<Constant>(datatype, std::move(dims), *count, *raw);
  }
  SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(datatype, std::move(dims)));
  if (*size > 0) {
    std::memcpy(tensor.view().data, raw->data(), *size);
  }
  return std::make_shared<Constant>(std::move(tensor));
}

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
    case onnx::AttributeProto::TENSOR: {
      attribute.kind = AttributeKind::tensor;
      SLUICE_TRY_ASSIGN(attribute.tensor, read_tensor(proto.t()));
      return attribute;
    }
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

Result<Node> Reader::read_node(const onnx::NodeProto& proto, int depth) {
  Node node{.name = proto.name(), .op_type = proto.op_type(), .domain = domain_of(proto.domain())};
  if (node.name.empty() && proto.output_size() > 0) {
    node.name = proto.output(0);  // what every tool shows for nodes without names
  }
  const auto opset = opsets_.find(node.domain);
  node.opset = opset != opsets_.end() ? opset->second : 0;
  if (opset == opsets_.end()) {
    return corrupt(describe(node) + " is of domain '" + node.domain +
                   "', which the model does not import");
  }
  for (const auto& attribute : proto.attribute()) {
    auto read = read_attribute(attribute, depth);
    if (!read) {
      return with_context(std::move(read).error(), describe(node));
    }
    node.attributes.push_back(*std::move(read));
  }
  return node;
}

Result<Declared> Reader::read_declared(const onnx::ValueInfoProto& proto) {
  Declared declared;
  if (!proto.has_type() || !proto.type().has_tensor_type()) {
    return Error{ErrorCode::unsupported,
                 "'" + proto.name() +
                     "' is not a tensor (sequences, maps and optionals as inputs " +
                     "or outputs are not supported)"};
  }
  const auto& type = proto.type().tensor_type();
  declared.datatype = datatype_of(type.elem_type());
  if (declared.datatype == DataType::undefined) {
    return Error{ErrorCode::unsupported,
                 "'" + proto.name() + "' has ONNX datatype " + std::to_string(type.elem_type()) +
                     ", which is not supported"};
  }
  declared.has_shape = type.has_shape();
  for (const auto& dim : type.shape().dim()) {
    // Exporters write extents that are open as a name, as nothing, or as -1 (0: PaddlePaddle, MXNet
    // for a batch): only a positive number is one.
    const bool fixed = dim.has_dim_value() && dim.dim_value() > 0;
    declared.dims.push_back(fixed ? dim.dim_value() : -1);
    declared.symbols.push_back(dim.has_dim_param() ? dim.dim_param() : "");
  }
  if (declared.dims.size() > limits::kTensorRank) {
    return corrupt("'" + proto.name() + "' has " + std::to_string(declared.dims.size()) +
                   " dimensions");
  }
  return declared;
}

Result<void> Reader::read_initializers(const onnx::GraphProto& proto, Graph& graph, Names& names) {
  if (proto.sparse_initializer_size() > 0) {
    return Error{ErrorCode::unsupported, "sparse initializers are not supported"};
  }
  for (const auto& tensor : proto.initializer()) {
    if (names.contains(tensor.name())) {
      return corrupt("initializer '" + tensor.name() + "' exists twice");
    }
    SLUICE_TRY_ASSIGN(auto constant, read_tensor(tensor));
    const ValueId value = graph.add_value(tensor.name());
    names.emplace(tensor.name(), value);
    graph.constants.emplace(value, std::move(constant));
  }
  return {};
}

Result<void> Reader::read_inputs(const onnx::GraphProto& proto, Graph& graph, Names& names) {
  std::set<std::string> seen;
  for (const auto& input : proto.input()) {
    if (!seen.insert(input.name()).second) {
      return corrupt("input '" + input.name() + "' exists twice");
    }
    if (names.contains(input.name())) {
      continue;  // only names an initialiser
    }
    auto read = read_declared(input);
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

// Gives every node's inputs and outputs their values. Nodes may come in any order.
Result<void> Reader::connect(const onnx::GraphProto& proto, Graph& graph, Names& names, int depth) {
  for (const auto& node : proto.node()) {
    SLUICE_TRY_ASSIGN(Node read, read_node(node, depth));
    for (const auto& output : node.output()) {
      if (output.empty()) {
        read.outputs.push_back(kNoValue);
        continue;
      }
      const ValueId value = graph.add_value(output);
      if (!names.emplace(output, value).second) {
        return corrupt("value '" + output + "' is made twice, the second time by " +
                       describe(read));
      }
      read.outputs.push_back(value);
    }
    graph.nodes.push_back(std::move(read));
  }
  for (int i = 0; i < proto.node_size(); ++i) {
    Node& node = graph.nodes[static_cast<std::size_t>(i)];
    for (const auto& input : proto.node(i).input()) {
      if (input.empty()) {
        node.inputs.push_back(kNoValue);
        continue;
      }
      auto found = names.find(input);
      if (found == names.end() && depth == 0) {
        return corrupt(describe(node) + " reads '" + input + "', which nothing makes");
      }
      if (found == names.end()) {
        const ValueId value = graph.add_value(input);
        graph.captures.push_back(value);
        found = names.emplace(input, value).first;
      }
      node.inputs.push_back(found->second);
    }
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
  if (depth == 0) {
    SLUICE_TRY(read_inputs(proto, graph, names));
  } else {
    for (const auto& input : proto.input()) {  // their types come from the node around
      Declared declared;
      declared.value = graph.add_value(input.name());
      names.emplace(input.name(), declared.value);
      graph.inputs.push_back(std::move(declared));
    }
  }
  SLUICE_TRY(connect(proto, graph, names, depth));
  for (const auto& output : proto.output()) {
    Declared declared;
    if (depth == 0) {
      auto read = read_declared(output);
      if (!read) {
        return with_context(std::move(read).error(), "output");
      }
      declared = *std::move(read);
    }
    const auto found = names.find(output.name());
    if (found == names.end() && depth == 0) {
      return corrupt("output '" + output.name() + "' is made by nothing");
    }
    declared.value = found != names.end() ? found->second : graph.add_value(output.name());
    graph.outputs.push_back(std::move(declared));
  }
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
  SLUICE_TRY(read_opsets(proto));
  Model model;
  SLUICE_TRY_ASSIGN(model.graph, read_graph(proto.graph(), 0));
  model.ir_version = proto.ir_version();
  model.description = proto.doc_string().empty() ? proto.graph().doc_string() : proto.doc_string();
  model.files = std::move(files_);
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
