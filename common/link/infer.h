// The one internal form of an inference: what every protocol adapter decodes to and encodes from,
// and what crosses the worker link. Nothing of any protocol.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/tensor/buffer.h"
#include "common/tensor/datatype.h"
#include "common/tensor/shape.h"

namespace sluice {

// A tensor with its name. `data` is dense, row-major, little-endian, of any alignment; strings are
// per element a uint32 length and the bytes.
struct NamedTensor {
  std::string name;
  DataType datatype = DataType::undefined;
  Shape shape;
  Buffer data;
};

// Unique within one gateway shard's life; the shard's index is in the top byte.
using RequestId = std::uint64_t;

struct InferRequest {
  std::string model;
  std::optional<std::int64_t> version;  // absent: any version that is routed to
  std::vector<NamedTensor> inputs;   // an empty name (GraphPipe): the model's input at that place
  std::vector<std::string> outputs;  // wanted, in this order; empty: all, in the model's order
  std::optional<Duration> timeout;   // until its answer is worthless; absent: the default deadline
  // A second such time; where the model's queue policy says so, how long it may wait (KServe v2's
  // parameter `timeout`).
  std::optional<Duration> queue_timeout = std::nullopt;
  std::uint32_t priority = 0;  // 1 is the highest; 0: the model's default
};

// Durations of the phases inside the worker, for metrics and headers.
struct InferTiming {
  Duration queue{};    // received by the worker until its execution began
  Duration compute{};  // the engine call
};

struct InferResponse {
  std::string model;
  std::int64_t version = 0;
  std::vector<NamedTensor> outputs;
  InferTiming timing;
};

// A model's declared input or output. -1 in `shape` is an extent the caller chooses.
struct ValueInfo {
  std::string name;
  DataType datatype = DataType::undefined;
  Shape shape;
  bool optional = false;  // an input with a default value

  friend bool operator==(const ValueInfo&, const ValueInfo&) = default;
};

// What a worker tells of the version it serves: enough to answer metadata and to refuse a wrong
// request at the door.
struct ModelInfo {
  std::string name;
  std::int64_t version = 1;
  std::string platform;     // "onnx_onnxv1"
  std::string description;  // from the file; may be empty
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;

  friend bool operator==(const ModelInfo&, const ModelInfo&) = default;
};

// What the classes of an output are called: a line for each, by index; an empty one has no label.
struct OutputLabels {
  std::string output;
  std::string lines;  // '\n' between them

  friend bool operator==(const OutputLabels&, const OutputLabels&) = default;
};

// Checks names, datatypes, shapes and byte counts against the model, in the caller's words
// and Triton's ("unexpected shape for input 'x' for model 'm'. Expected [-1,4], got [2,3]."), gives
// unnamed inputs (GraphPipe) their names and an empty `outputs` stays empty. Every refusal is
// invalid_argument.
Result<void> validate(InferRequest& request, const ModelInfo& model);

}  // namespace sluice
