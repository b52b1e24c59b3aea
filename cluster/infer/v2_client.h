// KServe v2 from the client's side: metadata, and requests and answers in the binary tensor form.
// Pure. Safe on whatever a server answers.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "common/tensor/buffer.h"

namespace sluice::cluster {

// "/v2/models/NAME" or "/v2/models/NAME/versions/V", percent-encoded.
std::string model_path(std::string_view model, std::optional<std::int64_t> version);

// What GET of the model's path answered. data_corrupt when it is not such metadata.
Result<ModelInfo> decode_metadata(std::string_view json);

struct EncodedRequest {
  std::string body;           // JSON, then the tensors one after the other
  std::size_t json_size = 0;  // for Inference-Header-Content-Length
};

EncodedRequest encode_request(const InferRequest& request);

// `json_size`: the answer's Inference-Header-Content-Length; absent when all of it is JSON.
Result<InferResponse> decode_response(const Buffer& body, std::optional<std::size_t> json_size);

// The sentence of an answer that is no success: the server's own where there is one.
Error decode_error(int status, std::string_view body);

}  // namespace sluice::cluster
