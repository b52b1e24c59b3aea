#include "worker/engine/read/facts.h"

namespace sluice::engine {
namespace {

// The depth is bounded by the limit that the message was parsed under.
template <class Nodes>
// NOLINTNEXTLINE(misc-no-recursion)
void count_operators(const Nodes& nodes, std::map<std::string, std::size_t>& counts) {
  for (const onnx::NodeProto& node : nodes) {
    const std::string domain = domain_of(node.domain());
    ++counts[domain.empty() ? node.op_type() : domain + "." + node.op_type()];
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) {
        count_operators(attribute.g().node(), counts);
      }
    }
  }
}

}  // namespace

FileFacts facts_of(const onnx::ModelProto& model, const Opsets& opsets) {
  FileFacts facts{
      .producer = model.producer_name(), .ir_version = model.ir_version(), .opsets = opsets};
  if (!model.producer_version().empty()) {
    facts.producer += (facts.producer.empty() ? "" : " ") + model.producer_version();
  }
  count_operators(model.graph().node(), facts.operators);
  for (const auto& function : model.functions()) {
    count_operators(function.node(), facts.operators);
  }
  return facts;
}

}  // namespace sluice::engine
