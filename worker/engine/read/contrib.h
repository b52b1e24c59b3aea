// Operators of com.microsoft that say nothing which ai.onnx could not: each call of one is replaced
// by nodes of ai.onnx as the model is read, like the call of a function. What has a kernel of its
// own (worker/ops/contrib, FusedMatMul) is left alone. One of the doors to ONNX's protobuf classes.

#pragma once

#include <string>

#include <onnx/onnx_pb.h>

#include "common/base/result.h"

namespace sluice::engine {

inline constexpr int kContribOpset = 23;  // of ai.onnx, for the nodes below

// Adds the nodes that `call` stands for to `body`; the names of values between them begin with
// `prefix`. False, and nothing added: it is no such operator. data_corrupt or unsupported for
// attributes and inputs that cannot be. All of the nodes are of ai.onnx or of kWrittenDomain.
Result<bool> write_out_contrib(const onnx::NodeProto& call,
                               const std::string& prefix,
                               google::protobuf::RepeatedPtrField<onnx::NodeProto>& body);

}  // namespace sluice::engine
