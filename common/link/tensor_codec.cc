// The door to FlatBuffers for the worker link.

#include "common/link/tensor_codec.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/base/limits.h"
#include "schema/link_generated.h"

namespace sluice::link {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::uint32_t kFirstTensorFrame = 2;
// Of the verifier: root, tensor, and room for one more level in a later version.
constexpr flatbuffers::uoffset_t kDepth = 4;
constexpr flatbuffers::uoffset_t kTables = limits::kTensorsPerRequest + 16;

// Of one message's tensor frames together.
constexpr std::size_t kTensorBytes =
    static_cast<std::size_t>(limits::kLinkMessageBytes) - limits::kDescriptionBytes - kHeaderBytes;

// Encoding.

struct Place {
  std::uint32_t frame = 1;  // of no bytes: no frame of its own
  std::uint64_t offset = 0;
};

std::size_t aligned(std::size_t size) noexcept {
  return (size + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

// Tensors of up to this many bytes share a frame: limits::kSmallTensorBytes, or more when otherwise
// there would be too many frames (the largest ones keep their own).
std::size_t shared_frame_threshold(const std::vector<NamedTensor>& tensors) {
  constexpr std::size_t kOwnFrames = limits::kLinkFrames - 3;  // header, description, shared frame
  if (tensors.size() <= kOwnFrames) {
    return limits::kSmallTensorBytes;
  }
  std::vector<std::size_t> sizes;
  sizes.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) {
    sizes.push_back(tensor.data.size());
  }
  const auto last = sizes.begin() + kOwnFrames;
  std::nth_element(sizes.begin(), last, sizes.end(), std::greater<>());
  return std::max(limits::kSmallTensorBytes, *last);
}

// All that share it, one after the other; the gaps between them are zero.
Buffer fill_shared_frame(const std::vector<NamedTensor>& tensors,
                         const std::vector<Place>& places,
                         std::size_t threshold,
                         std::size_t size) {
  MutableBuffer frame(size);
  std::size_t at = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Buffer& data = tensors[i].data;
    if (data.empty() || data.size() > threshold) {
      continue;
    }
    std::memset(frame.data() + at, 0, places[i].offset - at);
    std::memcpy(frame.data() + places[i].offset, data.data(), data.size());
    at = places[i].offset + data.size();
  }
  return std::move(frame).freeze();
}

// Appends the tensor frames to `body`, whose [0] is kept for the description, and says where each
// tensor went.
Result<std::vector<Place>> place_tensors(const std::vector<NamedTensor>& tensors, Body& body) {
  if (tensors.size() > limits::kTensorsPerRequest) {
    return Error{ErrorCode::resource_exhausted,
                 std::to_string(tensors.size()) + " tensors, at most " +
                     std::to_string(limits::kTensorsPerRequest)};
  }
  const std::size_t threshold = shared_frame_threshold(tensors);
  std::vector<Place> places(tensors.size());
  std::size_t shared_size = 0;
  std::size_t shared_count = 0;
  std::size_t own_size = 0;
  const Buffer* only_shared = nullptr;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::size_t size = tensors[i].data.size();
    if (size > threshold) {
      own_size += size;
    } else if (size > 0) {
      places[i] = {kFirstTensorFrame, aligned(shared_size)};
      shared_size = places[i].offset + size;
      only_shared = &tensors[i].data;
      ++shared_count;
    }
  }
  if (own_size + shared_size > kTensorBytes) {
    return Error{ErrorCode::resource_exhausted,
                 std::to_string(own_size + shared_size) + " bytes of tensors, at most " +
                     std::to_string(kTensorBytes)};
  }
  if (shared_count == 1) {
    body.push_back(*only_shared);
  } else if (shared_count > 1) {
    body.push_back(fill_shared_frame(tensors, places, threshold, shared_size));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].data.size() > threshold) {
      body.push_back(tensors[i].data);
      places[i].frame = static_cast<std::uint32_t>(body.size());  // the header is frame 0
    }
  }
  return places;
}

Offset<flatbuffers::Vector<Offset<wire::Tensor>>> describe(FlatBufferBuilder& builder,
                                                           const std::vector<NamedTensor>& tensors,
                                                           const std::vector<Place>& places) {
  std::vector<Offset<wire::Tensor>> table;
  table.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const NamedTensor& tensor = tensors[i];
    const auto name = tensor.name.empty() ? 0 : builder.CreateString(tensor.name);
    const auto shape = builder.CreateVector(tensor.shape);
    table.push_back(wire::CreateTensor(builder,
                                       name,
                                       static_cast<std::uint8_t>(tensor.datatype),
                                       shape,
                                       places[i].frame,
                                       places[i].offset,
                                       tensor.data.size()));
  }
  return builder.CreateVector(table);
}

Buffer finished(FlatBufferBuilder& builder) {
  auto owner = std::make_shared<flatbuffers::DetachedBuffer>(builder.Release());
  const auto bytes = std::as_bytes(std::span<const std::uint8_t>(owner->data(), owner->size()));
  return {std::move(owner), bytes};
}

// Decoding.

Error corrupt(std::string detail) {
  return {ErrorCode::data_corrupt, "link message: " + std::move(detail)};
}

std::string text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str();
}

// The root table of frame 1 after verification, null when it fails. `description` is replaced by
// an aligned copy when it is not where FlatBuffers can read it.
template <class Table>
const Table* verified_root(Buffer& description) {
  constexpr std::uintptr_t kScalarAlignment = 8;
  // NOLINTNEXTLINE: an address is looked at, not a value.
  if (reinterpret_cast<std::uintptr_t>(description.data()) % kScalarAlignment != 0) {
    description = Buffer::copy_of(description.bytes());
  }
  // NOLINTNEXTLINE: std::byte and unsigned char are the same bytes.
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(description.data());
  flatbuffers::Verifier verifier(bytes, description.size(), kDepth, kTables);
  return verifier.VerifyBuffer<Table>(nullptr) ? flatbuffers::GetRoot<Table>(bytes) : nullptr;
}

template <class Table>
Result<const Table*> root_of(const Body& body, Buffer& description) {
  if (body.empty()) {
    return corrupt("no description frame");
  }
  description = body.front();
  // Above this the 32-bit offsets of FlatBuffers end, and no description of ours comes near.
  if (description.size() > limits::kDescriptionBytes) {
    return corrupt("a description of " + std::to_string(description.size()) + " bytes, at most " +
                   std::to_string(limits::kDescriptionBytes));
  }
  const Table* root = verified_root<Table>(description);
  if (root == nullptr) {
    return corrupt("the description is not a valid FlatBuffers table of its kind");
  }
  return root;
}

Result<Buffer> bytes_of(const wire::Tensor& tensor, const Body& body) {
  const std::uint64_t length = tensor.length();
  if (length == 0) {
    return Buffer{};
  }
  if (tensor.frame() < kFirstTensorFrame || tensor.frame() > body.size()) {
    return corrupt("a tensor in frame " + std::to_string(tensor.frame()) + " of a message of " +
                   std::to_string(body.size() + 1));
  }
  const Buffer& frame = body[tensor.frame() - 1];
  if (tensor.offset() > frame.size() || length > frame.size() - tensor.offset()) {
    return corrupt("a tensor of " + std::to_string(length) + " bytes at " +
                   std::to_string(tensor.offset()) + " of a frame of " +
                   std::to_string(frame.size()));
  }
  Buffer data = frame.slice(tensor.offset(), length);
  // NOLINTNEXTLINE: an address is looked at, not a value.
  const auto address = reinterpret_cast<std::uintptr_t>(data.data());
  if (data.size() <= limits::kSmallTensorBytes && address % kBufferAlignment != 0) {
    data = Buffer::copy_of(data.bytes());
  }
  return data;
}

// Strings: `count` times a length word and that many bytes, nothing left over.
bool strings_fit(std::span<const std::byte> bytes, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (bytes.size() < 4) {
      return false;
    }
    std::size_t length = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      length |= std::to_integer<std::size_t>(bytes[k]) << (8 * k);
    }
    if (length > bytes.size() - 4) {
      return false;
    }
    bytes = bytes.subspan(4 + length);
  }
  return bytes.empty();
}

Result<void> check_size(const NamedTensor& tensor) {
  if (tensor.datatype == DataType::string) {
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(tensor.shape));
    if (!strings_fit(tensor.data.bytes(), count)) {
      return corrupt("tensor '" + tensor.name + "' does not hold " + std::to_string(count) +
                     " strings");
    }
    return {};
  }
  SLUICE_TRY_ASSIGN(const std::size_t size, byte_count(tensor.datatype, tensor.shape));
  if (size != tensor.data.size()) {
    return corrupt("tensor '" + tensor.name + "' has " + std::to_string(tensor.data.size()) +
                   " bytes, its shape needs " + std::to_string(size));
  }
  return {};
}

// The verifier checks where a vector's length word is, not its elements: those may be misaligned.
Shape extents_of(const flatbuffers::Vector<std::int64_t>& vector) {
  Shape shape(vector.size());
  for (flatbuffers::uoffset_t i = 0; i < vector.size(); ++i) {
    std::int64_t extent = 0;
    std::memcpy(&extent, vector.Data() + i * sizeof extent, sizeof extent);
    shape[i] = flatbuffers::EndianScalar(extent);
  }
  return shape;
}

Result<NamedTensor> decode_tensor(const wire::Tensor& table, const Body& body) {
  NamedTensor tensor{.name = text_of(table.name()),
                     .datatype = static_cast<DataType>(table.datatype()),
                     .shape = {},
                     .data = {}};
  if (tensor.name.size() > limits::kNameBytes) {
    return corrupt("a name of " + std::to_string(tensor.name.size()) + " bytes");
  }
  if (tensor.datatype == DataType::undefined || tensor.datatype > DataType::string) {
    return corrupt("tensor '" + tensor.name + "' of unknown datatype " +
                   std::to_string(table.datatype()));
  }
  if (const auto* shape = table.shape(); shape != nullptr) {
    if (shape->size() > limits::kTensorRank) {
      return corrupt("tensor '" + tensor.name + "' of rank " + std::to_string(shape->size()));
    }
    tensor.shape = extents_of(*shape);
  }
  SLUICE_TRY_ASSIGN(tensor.data, bytes_of(table, body));
  if (auto fits = check_size(tensor); !fits) {
    return Error{ErrorCode::data_corrupt, std::move(fits).error().detail};
  }
  return tensor;
}

Result<std::vector<NamedTensor>> decode_tensors(
    const flatbuffers::Vector<Offset<wire::Tensor>>* tables, const Body& body) {
  std::vector<NamedTensor> tensors;
  if (tables == nullptr) {
    return tensors;
  }
  if (tables->size() > limits::kTensorsPerRequest) {
    return corrupt(std::to_string(tables->size()) + " tensors, at most " +
                   std::to_string(limits::kTensorsPerRequest));
  }
  tensors.reserve(tables->size());
  for (const wire::Tensor* table : *tables) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, decode_tensor(*table, body));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

Result<Body> encode_infer(const InferRequest& request) {
  Body body(1);
  SLUICE_TRY_ASSIGN(const auto places, place_tensors(request.inputs, body));
  FlatBufferBuilder builder(512);
  const auto inputs = describe(builder, request.inputs, places);
  const auto outputs = request.outputs.empty() ? 0 : builder.CreateVectorOfStrings(request.outputs);
  const auto model = builder.CreateString(request.model);
  wire::InferBuilder root(builder);
  root.add_model(model);
  if (request.version) {
    root.add_version(*request.version);
  }
  root.add_inputs(inputs);
  root.add_outputs(outputs);
  builder.Finish(root.Finish());
  body.front() = finished(builder);
  return body;
}

Result<InferRequest> decode_infer(const Body& body) {
  Buffer description;
  SLUICE_TRY_ASSIGN(const wire::Infer* root, root_of<wire::Infer>(body, description));
  InferRequest request;
  request.model = text_of(root->model());
  if (const auto version = root->version(); version.has_value()) {
    request.version = version.value();
  }
  if (const auto* outputs = root->outputs(); outputs != nullptr) {
    if (outputs->size() > limits::kTensorsPerRequest) {
      return corrupt(std::to_string(outputs->size()) + " wanted outputs");
    }
    for (const flatbuffers::String* name : *outputs) {
      request.outputs.push_back(text_of(name));
      if (request.outputs.back().size() > limits::kNameBytes) {
        return corrupt("a name of " + std::to_string(request.outputs.back().size()) + " bytes");
      }
    }
  }
  SLUICE_TRY_ASSIGN(request.inputs, decode_tensors(root->inputs(), body));
  return request;
}

Result<Body> encode_result(const InferResponse& response) {
  Body body(1);
  SLUICE_TRY_ASSIGN(const auto places, place_tensors(response.outputs, body));
  FlatBufferBuilder builder(512);
  const auto outputs = describe(builder, response.outputs, places);
  const auto model = builder.CreateString(response.model);
  builder.Finish(wire::CreateInferResult(builder,
                                         model,
                                         response.version,
                                         outputs,
                                         response.timing.queue.count(),
                                         response.timing.compute.count()));
  body.front() = finished(builder);
  return body;
}

Result<InferResponse> decode_result(const Body& body) {
  Buffer description;
  SLUICE_TRY_ASSIGN(const wire::InferResult* root, root_of<wire::InferResult>(body, description));
  InferResponse response;
  response.model = text_of(root->model());
  response.version = root->version();
  SLUICE_TRY_ASSIGN(response.outputs, decode_tensors(root->outputs(), body));
  response.timing.queue = Duration(std::max<std::int64_t>(0, root->queue_ns()));
  response.timing.compute = Duration(std::max<std::int64_t>(0, root->compute_ns()));
  return response;
}

Body encode_failure(const Error& error) {
  FlatBufferBuilder builder(256);
  const std::size_t size = std::min(error.detail.size(), limits::kFailureDetailBytes);
  const auto detail = builder.CreateString(error.detail.data(), size);
  builder.Finish(wire::CreateFailure(builder, static_cast<std::uint8_t>(error.code), detail));
  return {finished(builder)};
}

Result<Failure> decode_failure(const Body& body) {
  Buffer description;
  SLUICE_TRY_ASSIGN(const wire::Failure* root, root_of<wire::Failure>(body, description));
  const auto code = static_cast<ErrorCode>(root->code());
  const bool known = std::ranges::find(kAllErrorCodes, code) != std::end(kAllErrorCodes);
  std::string detail = text_of(root->detail());
  detail.resize(std::min(detail.size(), limits::kFailureDetailBytes));
  return Failure{{known ? code : ErrorCode::internal, std::move(detail)}};
}

}  // namespace sluice::link
