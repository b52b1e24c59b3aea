// WireCursor: walks the protobuf wire format without protobuf. Pure; every read is bounds-checked;
// for hostile bytes. Format: https://protobuf.dev/programming-guides/encoding/ (read 2026-11).

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sluice::model {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t scalar = 0;         // varint, fixed64, fixed32
  std::span<const std::byte> body;  // bytes
};

class WireCursor {
 public:
  explicit WireCursor(std::span<const std::byte> message) : rest_(message) {}

  // The next field; nullopt at the end of the message or at broken bytes, see ok(). Groups (wire
  // types 3 and 4), which ONNX does not use, are broken bytes here.
  std::optional<WireField> next();
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

// A varint at the front of `bytes`, which it shortens; nullopt when it is cut or over 10 bytes.
std::optional<std::uint64_t> take_varint(std::span<const std::byte>& bytes);

void append_varint(std::string& out, std::uint64_t value);
void append_tag(std::string& out, std::uint32_t number, WireType type);
void append_bytes_field(std::string& out, std::uint32_t number, std::span<const std::byte> body);
void append_varint_field(std::string& out, std::uint32_t number, std::uint64_t value);

}  // namespace sluice::model
