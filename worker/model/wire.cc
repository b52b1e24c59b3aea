#include "worker/model/wire.h"

namespace sluice::model {
namespace {

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

std::optional<std::uint64_t> take_varint(std::span<const std::byte>& bytes) {
  constexpr std::size_t kMost = 10;  // 7 bits each
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < kMost; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(bytes[i]);
    value |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<WireField> WireCursor::next() {
  if (!ok_ || rest_.empty()) {
    return std::nullopt;
  }
  ok_ = false;  // until the field is whole
  const auto tag = take_varint(rest_);
  if (!tag || *tag >> 3 == 0 || *tag >> 3 > 0x1FFF'FFFF) {
    return std::nullopt;
  }
  WireField field{.number = static_cast<std::uint32_t>(*tag >> 3), .body = {}};
  std::uint64_t size = 0;
  switch (*tag & 7) {
    case 0: {
      const auto value = take_varint(rest_);
      if (!value) {
        return std::nullopt;
      }
      field.scalar = *value;
      ok_ = true;
      return field;
    }
    case 1:
      field.type = WireType::fixed64;
      size = 8;
      break;
    case 2: {
      field.type = WireType::bytes;
      const auto length = take_varint(rest_);
      if (!length) {
        return std::nullopt;
      }
      size = *length;
      break;
    }
    case 5:
      field.type = WireType::fixed32;
      size = 4;
      break;
    default:
      return std::nullopt;
  }
  if (size > rest_.size()) {
    return std::nullopt;
  }
  field.body = rest_.first(size);
  rest_ = rest_.subspan(size);
  if (field.type != WireType::bytes) {
    field.scalar = little_endian(field.body);
  }
  ok_ = true;
  return field;
}

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void append_tag(std::string& out, std::uint32_t number, WireType type) {
  append_varint(out, std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type));
}

void append_bytes_field(std::string& out, std::uint32_t number, std::span<const std::byte> body) {
  append_tag(out, number, WireType::bytes);
  append_varint(out, body.size());
  // NOLINTNEXTLINE: bytes appended to a string of bytes.
  out.append(reinterpret_cast<const char*>(body.data()), body.size());
}

void append_varint_field(std::string& out, std::uint32_t number, std::uint64_t value) {
  append_tag(out, number, WireType::varint);
  append_varint(out, value);
}

}  // namespace sluice::model
