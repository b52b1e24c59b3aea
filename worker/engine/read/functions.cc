#include "worker/engine/read/functions.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "worker/engine/graph/registry.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/read/contrib.h"
#include "worker/engine/read/tensors.h"

namespace sluice::engine {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Attributes = google::protobuf::RepeatedPtrField<onnx::AttributeProto>;
using Names = std::unordered_map<std::string, std::string>;

constexpr int kAttributeDefaults = 11;  // FunctionProto.attribute_proto, since ONNX 1.13

struct Function {
  const onnx::FunctionProto* proto = nullptr;
  std::shared_ptr<const Opsets> opsets;
  std::vector<onnx::AttributeProto> defaults;
};

std::string shown(const onnx::FunctionProto& proto) {
  return "function '" + proto.domain() + "." + proto.name() + "'";
}

// Field 11 is unknown to our headers, which keep its bytes.
std::vector<onnx::AttributeProto> defaults_of(const onnx::FunctionProto& proto) {
  std::vector<onnx::AttributeProto> defaults;
  const auto& unknown = proto.unknown_fields();
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& field = unknown.field(i);
    onnx::AttributeProto attribute;
    if (field.number() == kAttributeDefaults &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED &&
        attribute.ParseFromString(field.length_delimited())) {
      defaults.push_back(std::move(attribute));
    }
  }
  return defaults;
}

// Exporters write one of these operators without its domain.
bool may_be_written_out(const onnx::NodeProto& node) {
  return domain_of(node.domain()) == "com.microsoft" ||
         (domain_of(node.domain()).empty() && node.op_type() == "SimplifiedLayerNormalization");
}

bool may_be_written_out(const onnx::GraphProto& graph) {
  return std::ranges::any_of(graph.node(), [](const onnx::NodeProto& node) {
    return may_be_written_out(node) ||
           std::ranges::any_of(node.attribute(), [](const onnx::AttributeProto& attribute) {
             return attribute.has_g() && may_be_written_out(attribute.g());
           });
  });
}

// The names of one call: inputs and outputs are the caller's, all others get a prefix.
class Renamer {
 public:
  Renamer(Names outer, std::string prefix) : names_(std::move(outer)), prefix_(std::move(prefix)) {}

  [[nodiscard]] std::string operator()(const std::string& name) const {
    if (name.empty()) {
      return name;
    }
    const auto found = names_.find(name);
    return found != names_.end() ? found->second : prefix_ + name;
  }

 private:
  Names names_;
  std::string prefix_;
};

// Puts the call's names and attributes into a copy of a function's node, graphs inside included.
class Instance {
 public:
  Instance(const Function& function,
           const onnx::NodeProto& call,
           Renamer rename,
           NodeOpsets& opsets)
      : function_(function), call_(call), rename_(std::move(rename)), opsets_(opsets) {}

  void adapt(onnx::NodeProto& node) {
    for (std::string& name : *node.mutable_input()) {
      name = rename_(name);
    }
    for (std::string& name : *node.mutable_output()) {
      name = rename_(name);
    }
    Attributes kept;
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.ref_attr_name().empty()) {
        kept.Add()->Swap(&attribute);
      } else if (const auto* given = given_for(attribute.ref_attr_name())) {
        onnx::AttributeProto& copy = *kept.Add();
        copy = *given;
        copy.set_name(attribute.name());
      }  // else neither given nor defaulted: the operator's own default holds
    }
    kept.Swap(node.mutable_attribute());
    opsets_.note(node, function_.opsets);
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) {
        adapt(*attribute.mutable_g());
      }
    }
  }

 private:
  void adapt(onnx::GraphProto& graph) {
    for (auto* values : {graph.mutable_input(), graph.mutable_output()}) {
      for (onnx::ValueInfoProto& value : *values) {
        value.set_name(rename_(value.name()));
      }
    }
    for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
      tensor.set_name(rename_(tensor.name()));
    }
    for (onnx::NodeProto& node : *graph.mutable_node()) {
      adapt(node);
    }
  }

  [[nodiscard]] const onnx::AttributeProto* given_for(const std::string& name) const {
    for (const onnx::AttributeProto& attribute : call_.attribute()) {
      if (attribute.name() == name) {
        return &attribute;
      }
    }
    for (const onnx::AttributeProto& attribute : function_.defaults) {
      if (attribute.name() == name) {
        return &attribute;
      }
    }
    return nullptr;
  }

  const Function& function_;
  const onnx::NodeProto& call_;
  Renamer rename_;
  NodeOpsets& opsets_;
};

class Expander {
 public:
  Result<void> add(const onnx::FunctionProto& proto) {
    auto opsets = read_opsets(proto.opset_import());
    if (!opsets) {
      return with_context(std::move(opsets).error(), shown(proto));
    }
    Function function{.proto = &proto,
                      .opsets = std::make_shared<const Opsets>(*std::move(opsets)),
                      .defaults = defaults_of(proto)};
    const auto key = std::make_pair(domain_of(proto.domain()), proto.name());
    if (!functions_.emplace(key, std::move(function)).second) {
      return corrupt(shown(proto) + " exists twice");
    }
    return {};
  }

  Result<void> expand(Nodes& nodes) {
    std::vector<onnx::NodeProto*> old(static_cast<std::size_t>(nodes.size()));
    nodes.ExtractSubrange(0, nodes.size(), old.data());
    Result<void> done;
    for (onnx::NodeProto* node : old) {
      std::unique_ptr<onnx::NodeProto> owned(node);
      done = done ? place(std::move(owned), nodes) : std::move(done);
    }
    return done;
  }

  NodeOpsets take_opsets() { return std::move(opsets_); }

 private:
  Result<void> place(std::unique_ptr<onnx::NodeProto> node, Nodes& nodes) {
    if (++count_ > limits::kModelNodes) {
      return Error{
          ErrorCode::resource_exhausted,
          "its functions expand to more than " + std::to_string(limits::kModelNodes) + " nodes"};
    }
    for (onnx::AttributeProto& attribute : *node->mutable_attribute()) {
      if (attribute.has_g()) {
        SLUICE_TRY(expand(*attribute.mutable_g()->mutable_node()));
      }
    }
    const auto found = functions_.find(std::make_pair(domain_of(node->domain()), node->op_type()));
    if (found == functions_.end()) {
      return place_operator(std::move(node), nodes);
    }
    const Function& function = found->second;
    if (std::ranges::find(calls_, &function) != calls_.end()) {
      return corrupt(shown(*function.proto) + " calls itself");
    }
    if (calls_.size() >= static_cast<std::size_t>(limits::kModelDepth)) {
      return Error{ErrorCode::unsupported, "functions are nested too deeply"};
    }
    Nodes body;
    SLUICE_TRY(instantiate(function, *node, body));
    calls_.push_back(&function);
    auto expanded = expand(body);
    calls_.pop_back();
    SLUICE_TRY(std::move(expanded));
    move_nodes(body, nodes);
    return {};
  }

  // A node that calls no function: itself, or what it is written out as.
  Result<void> place_operator(std::unique_ptr<onnx::NodeProto> node, Nodes& nodes) {
    if (may_be_written_out(*node)) {
      Nodes body;
      const std::string prefix = node->name() + "/" + std::to_string(++instances_) + "/";
      SLUICE_TRY_ASSIGN(const bool written, write_out_contrib(*node, prefix, body));
      if (written) {
        for (const onnx::NodeProto& each : body) {
          opsets_.note(each, contrib_opsets_);
        }
        count_ += static_cast<std::size_t>(body.size());
        move_nodes(body, nodes);
        return {};
      }
    }
    nodes.AddAllocated(node.release());
    return {};
  }

  static void move_nodes(Nodes& from, Nodes& to) {
    std::vector<onnx::NodeProto*> moved(static_cast<std::size_t>(from.size()));
    from.ExtractSubrange(0, from.size(), moved.data());
    for (onnx::NodeProto* each : moved) {
      to.AddAllocated(each);
    }
  }

  Result<void> instantiate(const Function& function, const onnx::NodeProto& call, Nodes& body) {
    const onnx::FunctionProto& proto = *function.proto;
    if (call.input_size() > proto.input_size() || call.output_size() > proto.output_size()) {
      return corrupt("node '" + call.name() + "' gives " + shown(proto) +
                     " more inputs or outputs than it has");
    }
    const std::string prefix = call.name() + "/" + std::to_string(++instances_) + "/";
    Names names;
    for (int i = 0; i < proto.input_size(); ++i) {
      names[proto.input(i)] = i < call.input_size() ? call.input(i) : "";
    }
    for (int i = 0; i < proto.output_size(); ++i) {
      const bool named = i < call.output_size() && !call.output(i).empty();
      const std::string outside = named ? call.output(i) : prefix + proto.output(i);
      const auto [at, is_new] = names.emplace(proto.output(i), outside);
      if (!is_new) {  // an input that goes straight out
        onnx::NodeProto& copy = *body.Add();
        copy.set_op_type("Identity");
        copy.set_name(outside);
        copy.add_input(at->second);
        copy.add_output(outside);
        opsets_.note(copy, function.opsets);
      }
    }
    Instance instance(function, call, Renamer(std::move(names), prefix), opsets_);
    for (const onnx::NodeProto& node : proto.node()) {
      onnx::NodeProto& copy = *body.Add();
      copy = node;
      copy.set_name(prefix + node.name());
      instance.adapt(copy);
      bytes_ += copy.ByteSizeLong();
    }
    return check_bytes();
  }

  // A few calls of large functions that call others are more bytes than any file. Looked at where
  // they have doubled, since to ask what there is takes longer than a call.
  Result<void> check_bytes() {
    if (bytes_ < looked_at_) {
      return {};
    }
    looked_at_ = 2 * bytes_;
    return check_memory(looked_at_, "the nodes of its functions");
  }

  std::map<std::pair<std::string, std::string>, Function> functions_;
  std::vector<const Function*> calls_;
  NodeOpsets opsets_;
  const std::shared_ptr<const Opsets> contrib_opsets_ =
      std::make_shared<const Opsets>(Opsets{{"", kContribOpset}, {kWrittenDomain, 1}});
  std::size_t count_ = 0;
  std::size_t instances_ = 0;
  std::size_t bytes_ = 0;  // of functions' nodes
  std::size_t looked_at_ = limits::kMiB;
};

}  // namespace

std::string domain_of(const std::string& written) {
  return written == "ai.onnx" ? "" : written;
}

Result<Opsets> read_opsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  Opsets opsets;
  for (const auto& opset : imports) {
    const std::string domain = domain_of(opset.domain());
    if (opset.version() < 1 || opset.version() > 1'000'000) {
      return corrupt("imports opset " + std::to_string(opset.version()) + " of domain '" + domain +
                     "'");
    }
    const int version = static_cast<int>(opset.version());
    const auto [at, is_new] = opsets.emplace(domain, version);
    if (!is_new && at->second != version) {
      return corrupt("imports domain '" + (domain.empty() ? "ai.onnx" : domain) +
                     "' twice, as opset " + std::to_string(at->second) + " and " +
                     std::to_string(version));
    }
  }
  return opsets;
}

void NodeOpsets::note(const onnx::NodeProto& node, std::shared_ptr<const Opsets> opsets) {
  by_node_[&node] = std::move(opsets);
}

const Opsets* NodeOpsets::find(const onnx::NodeProto& node) const {
  const auto found = by_node_.find(&node);
  return found != by_node_.end() ? found->second.get() : nullptr;
}

Result<NodeOpsets> expand_functions(onnx::ModelProto& model) {
  Expander expander;
  if (model.functions_size() > 0 || may_be_written_out(model.graph())) {
    for (const onnx::FunctionProto& function : model.functions()) {
      SLUICE_TRY(expander.add(function));
    }
    SLUICE_TRY(expander.expand(*model.mutable_graph()->mutable_node()));
  }
  return expander.take_opsets();
}

}  // namespace sluice::engine
