// Functions of a model: every call of one is replaced by the function's nodes, so that nobody after
// the reader knows of them; likewise operators that are written out (contrib.h). One of the
// doors to ONNX's protobuf classes.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <onnx/onnx_pb.h>

#include "common/base/result.h"

namespace sluice::engine {

using Opsets = std::map<std::string, int>;  // domain ("" is ai.onnx) -> version

// "" and "ai.onnx" name the same domain.
std::string domain_of(const std::string& written);
// data_corrupt for versions that cannot be, and for two of one domain.
Result<Opsets> read_opsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports);

// Opsets of nodes that came out of functions, which import their own. All others have the model's.
class NodeOpsets {
 public:
  void note(const onnx::NodeProto& node, std::shared_ptr<const Opsets> opsets);
  // Null: the model's.
  [[nodiscard]] const Opsets* find(const onnx::NodeProto& node) const;

 private:
  std::unordered_map<const onnx::NodeProto*, std::shared_ptr<const Opsets>> by_node_;
};

// Rewrites the graph of `model`; its nodes stay where they are in memory afterwards. data_corrupt
// for functions that call themselves, resource_exhausted for more nodes than a model may have.
Result<NodeOpsets> expand_functions(onnx::ModelProto& model);

}  // namespace sluice::engine
