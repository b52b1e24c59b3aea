// The door to FlatBuffers for what comes from the worker link; what goes to it: tensor_encoder.cc.

#include "common/link/tensor_codec.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "common/base/limits.h"
#include "schema/link_generated.h"

namespace sluice::link {
namespace {

using flatbuffers::Offset;

// Of the verifier: root, tensor, and room for one more level in a later version.
constexpr flatbuffers::uoffset_t kDepth = 4;
constexpr flatbuffers::uoffset_t kTables = limits::kTensorsPerRequest + 16;

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
