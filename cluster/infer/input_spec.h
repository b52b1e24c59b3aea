// The --input arguments of `sluice infer`: [NAME=]VALUE or [NAME=]@FILE, made into tensors by the
// model's declared inputs.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::cluster {

struct InputSpec {
  const ValueInfo* input = nullptr;  // of the model; null: unnamed
  bool is_file = false;
  std::string text;  // JSON, or the file's path
};

// A name counts only when the model has an input called so: other '=' belong to the value.
// invalid_argument for an unknown name.
Result<InputSpec> parse_input_spec(std::string_view argument, const ModelInfo& model);

// Every argument's tensor, each input at most once. Files by extension: .json (a value or a v2
// request), .npy, .pb (an ONNX TensorProto), .png. The error names the argument's file.
Result<std::vector<NamedTensor>> read_inputs(std::span<const std::string> arguments,
                                             const ModelInfo& model);

}  // namespace sluice::cluster
