// DataType: what one element of a tensor is. Nothing of any protocol or file format in here; each
// protocol maps its own names (KServe "FP32", ONNX 1, GraphPipe 10) in its own folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

// On the wire (link description): append only, never renumber.
enum class DataType : std::uint8_t {
  undefined = 0,
  boolean = 1,  // one byte, 0 or 1
  uint8 = 2,
  uint16 = 3,
  uint32 = 4,
  uint64 = 5,
  int8 = 6,
  int16 = 7,
  int32 = 8,
  int64 = 9,
  float16 = 10,
  bfloat16 = 11,
  float32 = 12,
  float64 = 13,
  string = 14,  // on the wire: per element a uint32 length (little-endian) and that many bytes
  // Inside models alone: no protocol of ours has a name for them, and the link refuses them.
  float8e4m3fn = 15,
  float8e4m3fnuz = 16,
  float8e5m2 = 17,
  float8e5m2fnuz = 18,
  uint4 = 19,  // one element a byte; two only in files
  int4 = 20,   // likewise, with its sign in all eight bits
};

// Bytes of one element; 0 for string and undefined, whose elements have no fixed size.
constexpr std::size_t element_size(DataType type) noexcept {
  switch (type) {
    using enum DataType;
    case boolean:
    case uint8:
    case int8:
    case float8e4m3fn:
    case float8e4m3fnuz:
    case float8e5m2:
    case float8e5m2fnuz:
    case uint4:
    case int4:
      return 1;
    case uint16:
    case int16:
    case float16:
    case bfloat16:
      return 2;
    case uint32:
    case int32:
    case float32:
      return 4;
    case uint64:
    case int64:
    case float64:
      return 8;
    case string:
    case undefined:
      return 0;
  }
  return 0;
}

// "float32", "string", ...: for messages and logs.
std::string_view name_of(DataType type) noexcept;

// The KServe v2 spelling ("FP32", "BYTES"), which the command line uses too.
std::string_view kserve_name_of(DataType type) noexcept;
std::optional<DataType> datatype_from_kserve(std::string_view name) noexcept;

}  // namespace sluice
