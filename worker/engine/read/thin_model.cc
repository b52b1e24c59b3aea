#include "worker/engine/read/thin_model.h"

#include "common/base/limits.h"
#include "worker/model/wire.h"

namespace sluice::engine {
namespace {

using model::WireCursor;
using model::WireField;
using model::WireType;

// The messages on the way to a TensorProto; field numbers of onnx.proto.
enum class Message { model, graph, node, attribute, sparse, training, function, tensor, leaf };

Message child(Message parent, std::uint32_t field) {
  switch (parent) {
    case Message::model:
      return field == 7    ? Message::graph
             : field == 20 ? Message::training
             : field == 25 ? Message::function
                           : Message::leaf;
    case Message::training:
      return field == 1 || field == 2 ? Message::graph : Message::leaf;
    case Message::function:
      return field == 7 ? Message::node : Message::leaf;
    case Message::graph:
      return field == 1    ? Message::node
             : field == 5  ? Message::tensor
             : field == 15 ? Message::sparse
                           : Message::leaf;
    case Message::node:
      return field == 5 ? Message::attribute : Message::leaf;
    case Message::attribute:
      return field == 5 || field == 10    ? Message::tensor
             : field == 6 || field == 11  ? Message::graph
             : field == 22 || field == 23 ? Message::sparse
                                          : Message::leaf;
    case Message::sparse:
      return field == 1 || field == 2 ? Message::tensor : Message::leaf;
    case Message::tensor:
    case Message::leaf:
      return Message::leaf;
  }
  return Message::leaf;
}

constexpr std::uint32_t kTensorSegment = 3;
constexpr std::uint32_t kTensorRawData = 9;

class Thinner {
 public:
  explicit Thinner(std::span<const std::byte> file) : file_(file) {}

  Result<void> copy(Message kind, std::span<const std::byte> message, int depth, std::string& out);

 private:
  [[nodiscard]] std::size_t offset_of(std::span<const std::byte> part) const {
    return static_cast<std::size_t>(part.data() - file_.data());
  }
  Result<void> copy_field(Message kind, const WireField& field, int depth, std::string& out);
  std::span<const std::byte> file_;
};

void append_scalar(const WireField& field, std::string& out) {
  if (field.type == WireType::varint) {
    model::append_varint_field(out, field.number, field.scalar);
    return;
  }
  model::append_tag(out, field.number, field.type);
  // NOLINTNEXTLINE: bytes appended to a string of bytes.
  out.append(reinterpret_cast<const char*>(field.body.data()), field.body.size());
}

Result<void> Thinner::copy_field(Message kind,
                                 const WireField& field,
                                 int depth,
                                 std::string& out) {
  if (field.type != WireType::bytes) {
    append_scalar(field, out);
    return {};
  }
  if (kind == Message::tensor && field.number == kTensorSegment) {
    return Error{ErrorCode::unsupported, "tensors cut into segments are not supported"};
  }
  if (kind == Message::tensor && field.number == kTensorRawData &&
      field.body.size() >= kLargeRawData) {
    std::string segment;
    model::append_varint_field(segment, 1, offset_of(field.body));
    model::append_varint_field(segment, 2, offset_of(field.body) + field.body.size());
    model::append_bytes_field(out, kTensorSegment, std::as_bytes(std::span(segment)));
    return {};
  }
  const Message inner = child(kind, field.number);
  if (inner == Message::leaf || field.body.size() < kLargeRawData) {
    // Short messages are copied as they are, but a segment in them must not look like our mark.
    if (inner != Message::leaf) {
      std::string ignored;
      SLUICE_TRY(copy(inner, field.body, depth + 1, ignored));
    }
    model::append_bytes_field(out, field.number, field.body);
    return {};
  }
  std::string thinned;
  SLUICE_TRY(copy(inner, field.body, depth + 1, thinned));
  model::append_bytes_field(out, field.number, std::as_bytes(std::span(thinned)));
  return {};
}

Result<void> Thinner::copy(Message kind,
                           std::span<const std::byte> message,
                           int depth,
                           std::string& out) {
  if (depth > limits::kModelDepth) {
    return Error{ErrorCode::unsupported, "graphs are nested too deeply"};
  }
  WireCursor cursor(message);
  while (const auto field = cursor.next()) {
    SLUICE_TRY(copy_field(kind, *field, depth, out));
  }
  if (!cursor.ok()) {
    return Error{ErrorCode::data_corrupt,
                 "not a whole ONNX model: the message at byte " +
                     std::to_string(offset_of(message)) + " is broken or cut off"};
  }
  return {};
}

}  // namespace

Result<std::string> thin_model(std::span<const std::byte> model) {
  std::string out;
  SLUICE_TRY(Thinner(model).copy(Message::model, model, 0, out));
  return out;
}

}  // namespace sluice::engine
