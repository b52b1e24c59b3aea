// GraphPipe requests to InferRequest. Answers: graphpipe_reply.cc, metadata: graphpipe_metadata.cc.

#include "gateway/protocol/graphpipe.h"

#include <string>
#include <utility>

#include "common/base/limits.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/flat_reader.h"
#include "gateway/protocol/graphpipe_types.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/protocol/tensor_bytes.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway::graphpipe {
namespace {

// Positions of the fields in schema/graphpipe.fbs.
namespace request_field {
constexpr std::size_t kReqType = 0;
constexpr std::size_t kReq = 1;
}  // namespace request_field
namespace infer_field {
constexpr std::size_t kInputNames = 1;
constexpr std::size_t kInputTensors = 2;
constexpr std::size_t kOutputNames = 3;
}  // namespace infer_field
namespace tensor_field {
constexpr std::size_t kType = 0;
constexpr std::size_t kShape = 1;
constexpr std::size_t kData = 2;
constexpr std::size_t kStringVal = 3;
}  // namespace tensor_field

constexpr std::uint8_t kInferRequest = 1;
constexpr std::uint8_t kMetadataRequest = 2;

Error malformed() {
  return {ErrorCode::invalid_argument, "malformed FlatBuffer: the body is not a graphpipe Request"};
}

Error refuse(std::string why) {
  return {ErrorCode::invalid_argument, std::move(why)};
}

class InferDecoder {
 public:
  InferDecoder(const Buffer& body, const ModelInfo* model)
      : body_(body), reader_(body.bytes()), model_(model), bytes_left_(body.size()) {}

  // The kind of the request; kMetadataRequest too where none is said, as the Go servers do.
  Result<std::uint8_t> kind() {
    const FlatTable request = reader_.root();
    const std::uint8_t type = reader_.byte_field(request, request_field::kReqType);
    infer_ = reader_.table_field(request, request_field::kReq);
    if (reader_.failed()) {
      return malformed();
    }
    if (type > kMetadataRequest) {
      return refuse("unknown request type " + std::to_string(type));
    }
    return type == kInferRequest ? kInferRequest : kMetadataRequest;
  }

  Result<InferRequest> decode() {
    if (!infer_.present()) {
      return malformed();
    }
    InferRequest request;
    SLUICE_TRY(take_inputs(request));
    SLUICE_TRY(take_outputs(request));
    return request;
  }

 private:
  Result<void> take_inputs(InferRequest& request);
  Result<void> take_outputs(InferRequest& request);
  Result<std::string> take_name(const FlatVector& names, std::size_t index);
  Result<NamedTensor> take_tensor(const FlatTable& table, std::string name, std::size_t index);
  Result<void> take_strings(const FlatVector& strings, NamedTensor& tensor);
  Result<void> spend(std::size_t size);
  void restore_bool(NamedTensor& tensor, std::size_t index) const;

  const Buffer& body_;
  FlatReader reader_;
  const ModelInfo* model_;
  FlatTable infer_;
  std::size_t bytes_left_;  // what tensors may still take; see spend()
};

// Offsets may overlap: a small body could otherwise claim its bytes a thousand times over.
Result<void> InferDecoder::spend(std::size_t size) {
  if (size > bytes_left_) {
    return refuse("malformed FlatBuffer: its tensors overlap");
  }
  bytes_left_ -= size;
  return {};
}

// Empty where none is given.
Result<std::string> InferDecoder::take_name(const FlatVector& names, std::size_t index) {
  if (index >= names.count) {
    return std::string();
  }
  const std::string_view name = reader_.text_at(names, index);
  if (name.size() > limits::kNameBytes) {
    return refuse("a name has " + std::to_string(name.size()) + " bytes, at most " +
                  std::to_string(limits::kNameBytes) + " are allowed");
  }
  if (find_bad_utf8(name) != std::string_view::npos) {
    return refuse("a name is not UTF-8");
  }
  return std::string(name);
}

Result<void> InferDecoder::take_inputs(InferRequest& request) {
  const FlatVector names = reader_.vector_field(infer_, infer_field::kInputNames, 4);
  const FlatVector tensors = reader_.vector_field(infer_, infer_field::kInputTensors, 4);
  if (reader_.failed()) {
    return malformed();
  }
  if (tensors.count > limits::kTensorsPerRequest) {
    return refuse("more than " + std::to_string(limits::kTensorsPerRequest) + " inputs");
  }
  request.inputs.reserve(tensors.count);
  for (std::size_t i = 0; i < tensors.count; ++i) {
    SLUICE_TRY_ASSIGN(std::string name, take_name(names, i));
    SLUICE_TRY_ASSIGN(NamedTensor tensor,
                      take_tensor(reader_.table_at(tensors, i), std::move(name), i));
    request.inputs.push_back(std::move(tensor));
  }
  return {};
}

Result<NamedTensor> InferDecoder::take_tensor(const FlatTable& table,
                                              std::string name,
                                              std::size_t index) {
  const std::uint8_t type = reader_.byte_field(table, tensor_field::kType);
  const FlatVector shape = reader_.vector_field(table, tensor_field::kShape, 8);
  const FlatVector data = reader_.vector_field(table, tensor_field::kData, 1);
  const FlatVector strings = reader_.vector_field(table, tensor_field::kStringVal, 4);
  if (reader_.failed()) {
    return malformed();
  }
  const std::string where =
      "input " + (name.empty() ? "number " + std::to_string(index) : "'" + name + "'") + ": ";
  const auto datatype = datatype_of(type);
  if (!datatype) {
    return refuse(where +
                  (type == kNull ? "it has no type" : "unknown type " + std::to_string(type)));
  }
  if (shape.count > limits::kTensorRank) {
    return refuse(where + "shape has " + std::to_string(shape.count) + " dimensions, at most " +
                  std::to_string(limits::kTensorRank) + " are allowed");
  }
  NamedTensor tensor{
      .name = std::move(name), .datatype = *datatype, .shape = Shape(shape.count), .data = {}};
  for (std::size_t i = 0; i < shape.count; ++i) {
    tensor.shape[i] = reader_.int64_at(shape, i);
  }
  if (tensor.datatype == DataType::string ? data.count > 0 : strings.count > 0) {
    return refuse(where + "exactly one of data and string_val goes with its type");
  }
  if (tensor.datatype == DataType::string) {
    SLUICE_TRY(take_strings(strings, tensor));
    return tensor;
  }
  SLUICE_TRY(spend(data.count));
  if (data.count > 0) {
    tensor.data = body_.slice(data.at, data.count);
  }
  restore_bool(tensor, index);
  return tensor;
}

Result<void> InferDecoder::take_strings(const FlatVector& strings, NamedTensor& tensor) {
  std::string bytes;
  for (std::size_t i = 0; i < strings.count; ++i) {
    const std::string_view element = reader_.text_at(strings, i);
    if (reader_.failed()) {
      return malformed();
    }
    SLUICE_TRY(spend(4 + element.size()));  // its offset and itself
    append_string_element(bytes, element);
  }
  tensor.data = Buffer::from_string(std::move(bytes));
  return {};
}

// Uint8 for an input that the model declares as bool means bool.
void InferDecoder::restore_bool(NamedTensor& tensor, std::size_t index) const {
  if (model_ == nullptr || tensor.datatype != DataType::uint8) {
    return;
  }
  for (std::size_t i = 0; i < model_->inputs.size(); ++i) {
    const ValueInfo& input = model_->inputs[i];
    const bool same = tensor.name.empty() ? i == index : input.name == tensor.name;
    if (same && input.datatype == DataType::boolean) {
      tensor.datatype = DataType::boolean;
    }
  }
}

// An empty name is the model's output at that place: graphpipe-tf's Keras layer sends them.
Result<void> InferDecoder::take_outputs(InferRequest& request) {
  const FlatVector names = reader_.vector_field(infer_, infer_field::kOutputNames, 4);
  if (names.count > limits::kTensorsPerRequest) {
    return refuse("more than " + std::to_string(limits::kTensorsPerRequest) + " outputs");
  }
  for (std::size_t i = 0; i < names.count; ++i) {
    SLUICE_TRY_ASSIGN(std::string name, take_name(names, i));
    if (name.empty() && model_ != nullptr && i < model_->outputs.size()) {
      name = model_->outputs[i].name;
    }
    if (name.empty() && !reader_.failed()) {
      return refuse("output name number " + std::to_string(i) + " is empty");
    }
    request.outputs.push_back(std::move(name));
  }
  return reader_.failed() ? Result<void>(malformed()) : Result<void>();
}

}  // namespace

Result<Decoded> decode(const ClientMessage& message,
                       const InferCall& call,
                       const ModelInfo* model) {
  SLUICE_TRY(check_content_encoding(message));
  InferDecoder decoder(message.body, model);
  SLUICE_TRY_ASSIGN(const std::uint8_t kind, decoder.kind());
  if (kind == kMetadataRequest) {
    return Decoded{.call = MetadataAsked{call.target}, .hints = {}};
  }
  SLUICE_TRY_ASSIGN(InferRequest request, decoder.decode());
  SLUICE_TRY(check_bools(request));
  SLUICE_TRY(take_timeout_header(message, request));
  request.model = call.target.model;
  request.version = call.target.version;
  return Decoded{.call = std::move(request), .hints = {}};
}

ClientReply encode_error(const Error& error, const ReplyHints&) {
  return error_reply(Protocol::graphpipe, error);
}

}  // namespace sluice::gateway::graphpipe
