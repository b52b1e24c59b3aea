// Raw binary requests (Inference-Header-Content-Length: 0): the body is the bytes of the model's
// only input, and nothing else can be said.

#pragma once

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/protocol/adapters.h"

namespace sluice::gateway::kserve_v2 {

// invalid_argument when the model has not exactly one input, more than one extent would have to be
// guessed (a leading open one beside another is taken as a batch of 1), or the bytes do not divide;
// unavailable when the model is not known. A string input must have one element, whose bytes the
// body is, without a length word.
Result<InferRequest> raw_request(const Buffer& body,
                                 const ModelRef& target,
                                 const ModelInfo* model);

}  // namespace sluice::gateway::kserve_v2
