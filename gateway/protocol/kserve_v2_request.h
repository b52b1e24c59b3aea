// The JSON of a KServe v2 inference request (reference: the open inference protocol and Triton's
// binary tensor, parameters and classification extensions).

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/protocol/reply_hints.h"

namespace sluice::gateway::kserve_v2 {

// An input whose bytes follow the JSON.
struct BinaryInput {
  std::size_t index = 0;  // in request.inputs
  std::size_t size = 0;   // bytes
};

struct ParsedRequest {
  InferRequest request;  // without model and version; inputs in the order of the text
  ReplyHints hints;
  std::vector<BinaryInput> binary;  // in the order of the text
};

// Every refusal is invalid_argument (with the byte, where the text is not JSON) or unsupported (a
// parameter that would change the answer if it were ignored).
Result<ParsedRequest> parse_request(std::string_view json);

}  // namespace sluice::gateway::kserve_v2
