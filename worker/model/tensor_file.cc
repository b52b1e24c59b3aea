#include "worker/model/tensor_file.h"

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "worker/model/wire.h"

namespace sluice::model {
namespace {

// Fields of TensorProto.
enum Field : std::uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14,
};

struct TypeRow {
  std::uint64_t onnx;  // TensorProto.DataType
  DataType datatype;
  std::uint32_t typed;  // the field that has its values when raw_data does not
};
constexpr std::array<TypeRow, 20> kTypes{{
    {1, DataType::float32, kFloatData},       {2, DataType::uint8, kInt32Data},
    {3, DataType::int8, kInt32Data},          {4, DataType::uint16, kInt32Data},
    {5, DataType::int16, kInt32Data},         {6, DataType::int32, kInt32Data},
    {7, DataType::int64, kInt64Data},         {8, DataType::string, kStringData},
    {9, DataType::boolean, kInt32Data},       {10, DataType::float16, kInt32Data},
    {11, DataType::float64, kDoubleData},     {12, DataType::uint32, kUint64Data},
    {13, DataType::uint64, kUint64Data},      {16, DataType::bfloat16, kInt32Data},
    {17, DataType::float8e4m3fn, kInt32Data}, {18, DataType::float8e4m3fnuz, kInt32Data},
    {19, DataType::float8e5m2, kInt32Data},   {20, DataType::float8e5m2fnuz, kInt32Data},
    {21, DataType::uint4, kInt32Data},        {22, DataType::int4, kInt32Data},
}};

constexpr bool is_packed(DataType datatype) {
  return datatype == DataType::uint4 || datatype == DataType::int4;
}

Error corrupt(std::string detail) {
  return {ErrorCode::data_corrupt, "not a tensor file: " + std::move(detail)};
}

std::string text_of(std::span<const std::byte> bytes) {
  // NOLINTNEXTLINE: bytes become characters here.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_little_endian(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  }
}

// The message as its fields say, before anything is held against anything.
struct Parsed {
  Shape dims;
  std::uint64_t onnx_type = 0;
  std::string name;
  std::optional<std::span<const std::byte>> raw;
  std::vector<std::span<const std::byte>> strings;
  std::vector<std::uint64_t> numbers;  // float_data and double_data as bit patterns
  std::uint32_t numbers_field = 0;
  std::size_t strings_size = 0;
};

// A repeated number: packed (one run of bytes) or one field each.
Result<void> take_numbers(const WireField& field, Parsed& parsed) {
  if (parsed.numbers_field != 0 && parsed.numbers_field != field.number) {
    return corrupt("it has values of two types");
  }
  parsed.numbers_field = field.number;
  if (field.type != WireType::bytes) {
    parsed.numbers.push_back(field.scalar);
    return {};
  }
  auto rest = field.body;
  const std::size_t width = field.number == kFloatData ? 4 : field.number == kDoubleData ? 8 : 0;
  if (width == 0) {
    while (!rest.empty()) {
      const auto value = take_varint(rest);
      if (!value) {
        return corrupt("a number is cut off");
      }
      parsed.numbers.push_back(*value);
    }
    return {};
  }
  if (rest.size() % width != 0) {
    return corrupt("a number is cut off");
  }
  for (; !rest.empty(); rest = rest.subspan(width)) {
    std::uint64_t value = 0;
    for (std::size_t i = width; i > 0; --i) {
      value = value << 8 | std::to_integer<std::uint64_t>(rest[i - 1]);
    }
    parsed.numbers.push_back(value);
  }
  return {};
}

Result<void> take_dims(const WireField& field, Parsed& parsed) {
  if (field.type == WireType::varint) {
    parsed.dims.push_back(static_cast<std::int64_t>(field.scalar));
    return {};
  }
  auto rest = field.body;
  while (field.type == WireType::bytes && !rest.empty()) {
    const auto value = take_varint(rest);
    if (!value) {
      return corrupt("a dimension is cut off");
    }
    parsed.dims.push_back(static_cast<std::int64_t>(*value));
  }
  return {};
}

Result<void> take_field(const WireField& field, Parsed& parsed) {
  switch (field.number) {
    case kDims:
      return take_dims(field, parsed);
    case kDataType:
      parsed.onnx_type = field.scalar;
      return {};
    case kName:
      parsed.name = text_of(field.body);
      return {};
    case kRawData:
      parsed.raw = field.body;
      return {};
    case kStringData:
      parsed.strings.push_back(field.body);
      parsed.strings_size += 4 + field.body.size();
      return {};
    case kFloatData:
    case kInt32Data:
    case kInt64Data:
    case kDoubleData:
    case kUint64Data:
      return take_numbers(field, parsed);
    case kSegment:
    case kExternalData:
      return Error{ErrorCode::unsupported, "tensor files with data elsewhere are not supported"};
    default:
      return {};  // doc_string, data_location, what later versions add
  }
}

// Two elements a byte in the file, the first in the lower half; one a byte with us.
Result<Buffer> unpacked(std::span<const std::byte> packed, DataType datatype, std::size_t count) {
  if (packed.size() != (count + 1) / 2) {
    return corrupt("it has " + std::to_string(packed.size()) + " bytes for " +
                   std::to_string(count) + " elements of " + std::string(name_of(datatype)));
  }
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = std::to_integer<unsigned>(packed[i / 2]);
    const unsigned code = (i % 2 == 0 ? pair : pair >> 4U) & 0xFU;
    const bool negative = datatype == DataType::int4 && (code & 8U) != 0;
    bytes.push_back(static_cast<char>(negative ? code | 0xF0U : code));
  }
  return Buffer::copy_of(bytes);
}

Result<Buffer> strings_of(const Parsed& parsed) {
  std::string bytes;
  bytes.reserve(parsed.strings_size);
  for (const auto& element : parsed.strings) {
    append_little_endian(bytes, element.size(), 4);
    bytes += text_of(element);
  }
  return Buffer::from_string(std::move(bytes));
}

Result<Buffer> numbers_of(const Parsed& parsed, const TypeRow& type, std::size_t count) {
  if (parsed.numbers.size() != count || (count > 0 && parsed.numbers_field != type.typed)) {
    return corrupt("it has " + std::to_string(parsed.numbers.size()) + " values, its shape " +
                   to_string(parsed.dims) + " of " + std::string(name_of(type.datatype)) +
                   " needs " + std::to_string(count));
  }
  std::string bytes;
  const std::size_t width = element_size(type.datatype);
  bytes.reserve(count * width);
  for (const std::uint64_t value : parsed.numbers) {
    append_little_endian(bytes, value, width);
  }
  return Buffer::copy_of(bytes);
}

}  // namespace

Result<NamedTensor> read_tensor(std::span<const std::byte> file) {
  Parsed parsed;
  WireCursor cursor(file);
  while (const auto field = cursor.next()) {
    SLUICE_TRY(take_field(*field, parsed));
  }
  if (!cursor.ok()) {
    return corrupt("it is broken or cut off");
  }
  const TypeRow* type = nullptr;
  for (const TypeRow& row : kTypes) {
    type = row.onnx == parsed.onnx_type ? &row : type;
  }
  if (type == nullptr && parsed.onnx_type == 0) {
    return corrupt("it names no datatype");
  }
  if (type == nullptr) {
    return Error{ErrorCode::unsupported,
                 "ONNX datatype " + std::to_string(parsed.onnx_type) + " is not supported"};
  }
  NamedTensor tensor;
  tensor.name = std::move(parsed.name);
  tensor.datatype = type->datatype;
  auto count = element_count(parsed.dims);
  if (!count) {
    return corrupt(count.error().detail);
  }
  if (type->datatype == DataType::string) {
    if (parsed.strings.size() != static_cast<std::size_t>(*count) || parsed.raw) {
      return corrupt("it has " + std::to_string(parsed.strings.size()) + " strings, its shape " +
                     to_string(parsed.dims) + " needs " + std::to_string(*count));
    }
    SLUICE_TRY_ASSIGN(tensor.data, strings_of(parsed));
  } else if (is_packed(type->datatype)) {
    std::vector<std::byte> packed;
    if (parsed.raw) {
      packed.assign(parsed.raw->begin(), parsed.raw->end());
    }
    for (const std::uint64_t value : parsed.numbers) {
      packed.push_back(static_cast<std::byte>(value));
    }
    SLUICE_TRY_ASSIGN(tensor.data,
                      unpacked(packed, type->datatype, static_cast<std::size_t>(*count)));
  } else if (parsed.raw) {
    auto size = byte_count(type->datatype, parsed.dims);
    if (!size || *size != parsed.raw->size()) {
      return corrupt("it has " + std::to_string(parsed.raw->size()) + " bytes, which shape " +
                     to_string(parsed.dims) + " of " + std::string(name_of(type->datatype)) +
                     " does not");
    }
    tensor.data = Buffer::copy_of(*parsed.raw);
  } else {
    SLUICE_TRY_ASSIGN(tensor.data, numbers_of(parsed, *type, static_cast<std::size_t>(*count)));
  }
  tensor.shape = std::move(parsed.dims);
  return tensor;
}

Result<std::string> write_tensor(const NamedTensor& tensor) {
  const TypeRow* type = nullptr;
  for (const TypeRow& row : kTypes) {
    type = row.datatype == tensor.datatype ? &row : type;
  }
  if (type == nullptr || is_packed(type->datatype)) {
    return Error{
        ErrorCode::invalid_argument,
        "a tensor of datatype " + std::string(name_of(tensor.datatype)) + " cannot be written"};
  }
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(tensor.shape));
  const Error wrong{
      ErrorCode::invalid_argument,
      "the data of '" + tensor.name + "' does not fill its shape " + to_string(tensor.shape)};
  std::string file;
  for (const std::int64_t extent : tensor.shape) {
    append_varint_field(file, kDims, static_cast<std::uint64_t>(extent));
  }
  append_varint_field(file, kDataType, type->onnx);
  append_bytes_field(file, kName, std::as_bytes(std::span(tensor.name)));
  auto rest = tensor.data.bytes();
  if (tensor.datatype != DataType::string) {
    SLUICE_TRY_ASSIGN(const std::size_t size, byte_count(tensor.datatype, tensor.shape));
    if (size != rest.size()) {
      return wrong;
    }
    append_bytes_field(file, kRawData, rest);
    return file;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t length = 0;
    if (rest.size() < sizeof(length)) {
      return wrong;
    }
    std::memcpy(&length, rest.data(), sizeof(length));
    rest = rest.subspan(sizeof(length));
    if (length > rest.size()) {
      return wrong;
    }
    append_bytes_field(file, kStringData, rest.first(length));
    rest = rest.subspan(length);
  }
  if (!rest.empty()) {
    return wrong;
  }
  return file;
}

}  // namespace sluice::model
