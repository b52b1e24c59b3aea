// The data plane of the worker link: InferRequest, InferResponse and Error to frames and back.
// Pure. Tensors above limits::kSmallTensorBytes are their own frames and are not copied; the others
// share one frame, each at a multiple of kBufferAlignment.
//
// Decoding believes nothing: the FlatBuffers verifier runs first, with limits on depth and tables;
// frame numbers, offsets, lengths, counts, datatypes and shapes are checked before use. Tensors of
// up to limits::kSmallTensorBytes that arrive unaligned are copied to kBufferAlignment; larger ones
// are slices of the frame they came in, of any alignment. Every refusal is data_corrupt.

#pragma once

#include <cstdint>
#include <memory>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "common/link/message.h"

namespace sluice::link {

inline constexpr std::uint32_t kFirstTensorFrame = 2;  // behind the header and the description

// Frame 1 and the tensor frames of an `infer` message. `timeout` does not travel here: the deadline
// is the header's. resource_exhausted: more than limits::kTensorsPerRequest tensors, or more bytes
// than fit limits::kLinkMessageBytes.
Result<Body> encode_infer(const InferRequest& request);
Result<InferRequest> decode_infer(const Body& body);

// The same for a `result` message.
Result<Body> encode_result(const InferResponse& response);
Result<InferResponse> decode_result(const Body& body);

// encode_infer and encode_result with memory that is used again: for who encodes all the time.
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  Encoder(Encoder&& other) noexcept;
  Encoder& operator=(Encoder&& other) noexcept;

  Result<Body> infer(const InferRequest& request);
  Result<Body> result(const InferResponse& response);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// What a worker answers instead of a result. `unavailable`: it did not begin to execute the
// request, which may be sent elsewhere at once.
struct Failure {
  Error error;

  friend bool operator==(const Failure&, const Failure&) = default;
};

// A detail longer than limits::kFailureDetailBytes is cut.
Body encode_failure(const Error& error);
// A code this version does not know reads as `internal`.
Result<Failure> decode_failure(const Body& body);

}  // namespace sluice::link
