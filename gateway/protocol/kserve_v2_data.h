// The `data` arrays of KServe v2 JSON: numbers and strings to tensor bytes and back.

#pragma once

#include <string>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/protocol/json_reader.h"

namespace sluice::gateway::kserve_v2 {

// Reads the array before the reader, nested in any way, into tensor.data by the tensor's datatype
// and shape, in row-major order. On failure the reader has failed with the reason. Memory stays
// below 4 times the text, whatever the shape claims.
bool read_data(JsonReader& reader, NamedTensor& tensor);

// Appends "[...]", flat. The tensor's bytes must fit its shape (see check_output). Errors:
// invalid_argument for FP16, BF16 and for strings that are not UTF-8, with the
// advice to ask for binary.
Result<void> append_data(std::string& out, const NamedTensor& tensor);

}  // namespace sluice::gateway::kserve_v2
