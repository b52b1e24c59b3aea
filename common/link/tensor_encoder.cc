// The door to FlatBuffers for what goes to the worker link.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "common/link/tensor_codec.h"
#include "schema/link_generated.h"

namespace sluice::link {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// Of one message's tensor frames together.
constexpr std::size_t kTensorBytes =
    static_cast<std::size_t>(limits::kLinkMessageBytes) - limits::kDescriptionBytes - kHeaderBytes;

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

// Where the tensors of one message go.
struct Layout {
  std::vector<Place> places;  // of each
  std::size_t threshold = 0;  // up to this size they share a frame
  std::size_t shared_count = 0;
  std::size_t shared_size = 0;
};

// Fills in the layout and appends the tensor frames to `body`, whose [0] is kept for the
// description and, when several tensors share a frame, [1] for that.
Result<void> place_tensors(const std::vector<NamedTensor>& tensors, Layout& layout, Body& body) {
  if (tensors.size() > limits::kTensorsPerRequest) {
    return Error{ErrorCode::resource_exhausted,
                 std::to_string(tensors.size()) + " tensors, at most " +
                     std::to_string(limits::kTensorsPerRequest)};
  }
  const std::size_t threshold = shared_frame_threshold(tensors);
  layout.places.assign(tensors.size(), Place{});
  layout.threshold = threshold;
  layout.shared_count = 0;
  layout.shared_size = 0;
  std::size_t own_size = 0;
  const Buffer* only_shared = nullptr;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::size_t size = tensors[i].data.size();
    if (size > threshold) {
      own_size += size;
    } else if (size > 0) {
      layout.places[i] = {kFirstTensorFrame, aligned(layout.shared_size)};
      layout.shared_size = layout.places[i].offset + size;
      only_shared = &tensors[i].data;
      ++layout.shared_count;
    }
  }
  if (own_size + layout.shared_size > kTensorBytes) {
    return Error{ErrorCode::resource_exhausted,
                 std::to_string(own_size + layout.shared_size) + " bytes of tensors, at most " +
                     std::to_string(kTensorBytes)};
  }
  if (layout.shared_count > 0) {
    body.push_back(layout.shared_count == 1 ? *only_shared : Buffer{});
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].data.size() > threshold) {
      body.push_back(tensors[i].data);
      layout.places[i].frame = static_cast<std::uint32_t>(body.size());  // the header is frame 0
    }
  }
  return {};
}

Offset<flatbuffers::Vector<Offset<wire::Tensor>>> describe(
    FlatBufferBuilder& builder,
    const std::vector<NamedTensor>& tensors,
    const std::vector<Place>& places,
    std::vector<Offset<wire::Tensor>>& table) {
  table.clear();
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

// Tensors that share a frame, one after the other; the gaps between them are zero.
void fill_shared_frame(std::span<std::byte> frame,
                       const std::vector<NamedTensor>& tensors,
                       const Layout& layout) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Buffer& data = tensors[i].data;
    if (data.empty() || data.size() > layout.threshold) {
      continue;
    }
    const auto offset = static_cast<std::size_t>(layout.places[i].offset);
    std::memset(frame.data() + at, 0, offset - at);
    std::memcpy(frame.data() + offset, data.data(), data.size());
    at = offset + data.size();
  }
}

// The description that was built and the shared frame, in one allocation.
void finish(const FlatBufferBuilder& builder,
            const std::vector<NamedTensor>& tensors,
            const Layout& layout,
            Body& body) {
  const std::size_t size = builder.GetSize();
  const bool shares = layout.shared_count > 1;
  const std::size_t shared_at = shares ? aligned(size) : size;
  MutableBuffer both(shared_at + (shares ? layout.shared_size : 0));
  std::memcpy(both.data(), builder.GetBufferPointer(), size);
  if (shares) {
    fill_shared_frame(both.bytes().subspan(shared_at), tensors, layout);
  }
  const Buffer frozen = std::move(both).freeze();
  body[0] = frozen.slice(0, size);
  if (shares) {
    body[1] = frozen.slice(shared_at, layout.shared_size);
  }
}

}  // namespace

struct Encoder::Scratch {
  // A rare long description must not keep its memory.
  void restart() {
    if (builder.GetSize() > kKept) {
      builder.Reset();
    }
    builder.Clear();
  }

  static constexpr std::size_t kKept = 64 * limits::kKiB;
  FlatBufferBuilder builder{512};
  std::vector<Offset<wire::Tensor>> table;
  Layout layout;
};

Encoder::Encoder() : scratch_(std::make_unique<Scratch>()) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&& other) noexcept = default;
Encoder& Encoder::operator=(Encoder&& other) noexcept = default;

Result<Body> Encoder::infer(const InferRequest& request) {
  Scratch& scratch = *scratch_;
  scratch.restart();
  FlatBufferBuilder& builder = scratch.builder;
  Body body;
  body.reserve(2);
  body.emplace_back();
  SLUICE_TRY(place_tensors(request.inputs, scratch.layout, body));
  const auto inputs = describe(builder, request.inputs, scratch.layout.places, scratch.table);
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
  finish(builder, request.inputs, scratch.layout, body);
  return body;
}

Result<Body> Encoder::result(const InferResponse& response) {
  Scratch& scratch = *scratch_;
  scratch.restart();
  FlatBufferBuilder& builder = scratch.builder;
  Body body;
  body.reserve(2);
  body.emplace_back();
  SLUICE_TRY(place_tensors(response.outputs, scratch.layout, body));
  const auto outputs = describe(builder, response.outputs, scratch.layout.places, scratch.table);
  const auto model = builder.CreateString(response.model);
  builder.Finish(wire::CreateInferResult(builder,
                                         model,
                                         response.version,
                                         outputs,
                                         response.timing.queue.count(),
                                         response.timing.compute.count()));
  finish(builder, response.outputs, scratch.layout, body);
  return body;
}

Result<Body> encode_infer(const InferRequest& request) {
  return Encoder().infer(request);
}

Result<Body> encode_result(const InferResponse& response) {
  return Encoder().result(response);
}

Body encode_failure(const Error& error) {
  FlatBufferBuilder builder(256);
  const std::size_t size = std::min(error.detail.size(), limits::kFailureDetailBytes);
  const auto detail = builder.CreateString(error.detail.data(), size);
  builder.Finish(wire::CreateFailure(builder, static_cast<std::uint8_t>(error.code), detail));
  Body body(1);
  finish(builder, {}, {}, body);
  return body;
}

}  // namespace sluice::link
