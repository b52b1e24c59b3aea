#include "worker/engine/read/tensors.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/read/thin_model.h"

namespace sluice::engine {
namespace {

constexpr bool is_packed(DataType datatype) {
  return datatype == DataType::uint4 || datatype == DataType::int4;
}

// Copies the typed field `from` (one entry an element) into the tensor's elements.
template <class T, class Field>
Result<void> fill(TensorView to, const Field& from) {
  if (static_cast<std::int64_t>(from.size()) != to.count) {
    return corrupt("has " + std::to_string(from.size()) + " values, its shape " +
                   to_string(to.dims) + " needs " + std::to_string(to.count));
  }
  auto* out = static_cast<T*>(to.data);
  for (int i = 0; i < from.size(); ++i) {
    out[i] = static_cast<T>(from[i]);
  }
  return {};
}

Result<void> fill_typed(const onnx::TensorProto& proto, TensorView to) {
  switch (to.datatype) {
    using enum DataType;
    case float32:
      return fill<float>(to, proto.float_data());
    case float64:
      return fill<double>(to, proto.double_data());
    case int64:
      return fill<std::int64_t>(to, proto.int64_data());
    case uint64:
      return fill<std::uint64_t>(to, proto.uint64_data());
    case uint32:
      return fill<std::uint32_t>(to, proto.uint64_data());
    case int32:
      return fill<std::int32_t>(to, proto.int32_data());
    case int16:
      return fill<std::int16_t>(to, proto.int32_data());
    case uint16:
    case float16:  // bit patterns
    case bfloat16:
      return fill<std::uint16_t>(to, proto.int32_data());
    case int8:
      return fill<std::int8_t>(to, proto.int32_data());
    case float8e4m3fn:
    case float8e4m3fnuz:
    case float8e5m2:
    case float8e5m2fnuz:
    case uint8:
      return fill<std::uint8_t>(to, proto.int32_data());
    case boolean:
      for (const auto value : proto.int32_data()) {
        if (value != 0 && value != 1) {
          return corrupt("has a bool that is neither 0 nor 1");
        }
      }
      return fill<std::uint8_t>(to, proto.int32_data());
    case string:
      return fill<std::string>(to, proto.string_data());
    case uint4:  // packed
    case int4:
    case undefined:
      break;
  }
  return corrupt("has no datatype");
}

// Two elements a byte, the first in the lower half.
Result<void> unpack(std::span<const std::byte> bytes, TensorView to) {
  const auto needed = static_cast<std::size_t>((to.count + 1) / 2);
  if (bytes.size() != needed) {
    return corrupt("has " + std::to_string(bytes.size()) + " bytes, its shape " +
                   to_string(to.dims) + " of " + std::string(name_of(to.datatype)) + " needs " +
                   std::to_string(needed));
  }
  auto* out = static_cast<std::uint8_t*>(to.data);
  for (std::int64_t i = 0; i < to.count; ++i) {
    const auto byte = std::to_integer<unsigned>(bytes[static_cast<std::size_t>(i / 2)]);
    const unsigned code = (i % 2 == 0 ? byte : byte >> 4U) & 0xFU;
    const bool negative = to.datatype == DataType::int4 && (code & 8U) != 0;
    out[i] = static_cast<std::uint8_t>(negative ? code | 0xF0U : code);
  }
  return {};
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty()
             ? std::optional(value)
             : std::nullopt;
}

}  // namespace

Result<std::span<const std::byte>> TensorReader::external_bytes(const onnx::TensorProto& proto) {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  for (const auto& entry : proto.external_data()) {
    const auto number = number_of(entry.value());
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      if (!number) {
        return corrupt("external data has " + entry.key() + " '" + entry.value() + "'");
      }
      (entry.key() == "offset" ? offset : length.emplace()) = *number;
    }  // "checksum" is not used by any exporter; unknown keys are allowed by the specification
  }
  if (location.empty()) {
    return corrupt("external data names no location");
  }
  auto open = open_files_.find(location);
  if (open == open_files_.end()) {
    SLUICE_TRY_ASSIGN(MappedFile file, MappedFile::open_below(folder_, location));
    files_.push_back(std::move(file));
    open = open_files_.emplace(location, files_.size() - 1).first;
  }
  const auto bytes = files_[open->second].bytes();
  if (offset > bytes.size() || length.value_or(0) > bytes.size() - offset) {
    return corrupt("external data at " + std::to_string(offset) + " of '" + location +
                   "' ends behind the file's " + std::to_string(bytes.size()) + " bytes");
  }
  return bytes.subspan(offset, length.value_or(bytes.size() - offset));
}

// Nothing where the elements are in the typed fields.
Result<std::optional<std::span<const std::byte>>> TensorReader::raw_bytes(
    const onnx::TensorProto& proto) {
  std::optional<std::span<const std::byte>> raw;
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    SLUICE_TRY_ASSIGN(raw, external_bytes(proto));
  } else if (proto.has_segment()) {
    raw = file_.subspan(static_cast<std::size_t>(proto.segment().begin()),
                        static_cast<std::size_t>(proto.segment().end() - proto.segment().begin()));
  } else if (proto.has_raw_data()) {
    raw = std::as_bytes(std::span(proto.raw_data()));
  }
  return raw;
}

namespace {

// A tensor of a megabyte needs a megabyte in the file, so the size is honest before we allocate.
Result<std::shared_ptr<Constant>> typed_tensor(const onnx::TensorProto& proto,
                                               DataType datatype,
                                               Shape dims,
                                               std::int64_t count) {
  const std::int64_t there = proto.float_data_size() + proto.double_data_size() +
                             proto.int32_data_size() + proto.int64_data_size() +
                             proto.uint64_data_size() + proto.string_data_size();
  const std::int64_t needed = is_packed(datatype) ? count / 2 + count % 2 : count;
  if (there != needed) {
    return corrupt("has " + std::to_string(there) + " values, its shape " + to_string(dims) +
                   " needs " + std::to_string(needed));
  }
  SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(datatype, std::move(dims)));
  if (is_packed(datatype)) {
    std::vector<std::byte> bytes;
    for (const auto value : proto.int32_data()) {
      bytes.push_back(static_cast<std::byte>(value));
    }
    SLUICE_TRY(unpack(bytes, tensor.view()));
  } else {
    SLUICE_TRY(fill_typed(proto, tensor.view()));
  }
  return std::make_shared<Constant>(std::move(tensor));
}

Result<std::shared_ptr<Constant>> raw_tensor(
    std::span<const std::byte> raw, bool stays, DataType datatype, Shape dims, std::int64_t count) {
  if (datatype == DataType::string) {
    return corrupt("has strings as raw bytes");
  }
  if (is_packed(datatype)) {
    if (static_cast<std::size_t>(count / 2 + count % 2) != raw.size()) {
      return corrupt("has " + std::to_string(raw.size()) + " bytes, its shape " + to_string(dims) +
                     " needs half as many as it has elements");
    }
    SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(datatype, std::move(dims)));
    SLUICE_TRY(unpack(raw, tensor.view()));
    return std::make_shared<Constant>(std::move(tensor));
  }
  auto size = byte_count(datatype, dims);
  if (!size) {
    return corrupt(size.error().detail);
  }
  if (*size != raw.size()) {
    return corrupt("has " + std::to_string(raw.size()) + " bytes, its shape " + to_string(dims) +
                   " of " + std::string(name_of(datatype)) + " needs " + std::to_string(*size));
  }
  if (*size >= kLargeRawData && stays) {
    return std::make_shared<Constant>(datatype, std::move(dims), count, raw);
  }
  SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(datatype, std::move(dims)));
  if (*size > 0) {
    std::memcpy(tensor.view().data, raw.data(), *size);
  }
  return std::make_shared<Constant>(std::move(tensor));
}

}  // namespace

Result<std::shared_ptr<Constant>> TensorReader::read(const onnx::TensorProto& proto) {
  const std::string where = "tensor '" + proto.name() + "'";
  const DataType datatype = datatype_of(proto.data_type());
  if (datatype == DataType::undefined) {
    return Error{ErrorCode::unsupported,
                 where + " has ONNX datatype " + std::to_string(proto.data_type()) +
                     ", which is not supported"};
  }
  Shape dims(proto.dims().begin(), proto.dims().end());
  auto count = element_count(dims);
  if (!count) {
    return with_context(corrupt(count.error().detail), where);
  }
  auto raw = raw_bytes(proto);
  if (!raw) {
    return with_context(std::move(raw).error(), where);
  }
  const bool stays = proto.data_location() == onnx::TensorProto::EXTERNAL || proto.has_segment();
  auto made = *raw ? raw_tensor(**raw, stays, datatype, std::move(dims), *count)
                   : typed_tensor(proto, datatype, std::move(dims), *count);
  return made ? std::move(made) : with_context(std::move(made).error(), where);
}

namespace {

// Where in the dense tensor each value goes: positions [count], or coordinates [count, rank].
Result<std::vector<std::int64_t>> positions_of(const TensorView& indices,
                                               const Shape& dims,
                                               std::int64_t count,
                                               std::int64_t size) {
  SLUICE_TRY_ASSIGN(const std::vector<std::int64_t> numbers, integers_of(indices));
  const std::size_t rank = dims.size();
  const bool coordinates = indices.dims.size() == 2 && indices.dims[0] == count &&
                           indices.dims[1] == static_cast<std::int64_t>(rank);
  if (!coordinates && (indices.dims.size() != 1 || indices.dims[0] != count)) {
    return corrupt("has indices of shape " + to_string(indices.dims) + " for " +
                   std::to_string(count) + " values");
  }
  std::vector<std::int64_t> positions;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::int64_t position = coordinates ? 0 : numbers[i];
    for (std::size_t k = 0; coordinates && k < rank; ++k) {
      const std::int64_t at = numbers[i * rank + k];
      if (at < 0 || at >= dims[k]) {
        return corrupt("has an index outside of its shape " + to_string(dims));
      }
      position = position * dims[k] + at;
    }
    if (position < 0 || position >= size) {
      return corrupt("has an index outside of its shape " + to_string(dims));
    }
    positions.push_back(position);
  }
  return positions;
}

}  // namespace

Result<std::shared_ptr<Constant>> TensorReader::read_sparse(const onnx::SparseTensorProto& proto) {
  const std::string where = "sparse tensor '" + proto.values().name() + "'";
  SLUICE_TRY_ASSIGN(const auto values, read(proto.values()));
  SLUICE_TRY_ASSIGN(const auto indices, read(proto.indices()));
  SLUICE_TRY_ASSIGN(const TensorView from, values->view());
  SLUICE_TRY_ASSIGN(const TensorView at, indices->view());
  Shape dims(proto.dims().begin(), proto.dims().end());
  if (from.datatype == DataType::string || from.dims.size() != 1) {
    return corrupt(where + " has values that are strings or no list");
  }
  auto size = element_count(dims);
  if (!size) {
    return with_context(corrupt(size.error().detail), where);
  }
  auto positions = positions_of(at, dims, from.count, *size);
  if (!positions) {
    return with_context(corrupt(positions.error().detail), where);
  }
  SLUICE_TRY_ASSIGN(Tensor dense, Tensor::create(from.datatype, std::move(dims)));
  const TensorView to = dense.view();
  auto* const out = static_cast<std::byte*>(to.data);
  std::fill_n(out, to.size(), std::byte{0});
  const std::size_t width = storage_size(from.datatype);
  for (std::size_t i = 0; i < positions->size(); ++i) {
    std::memcpy(out + static_cast<std::size_t>((*positions)[i]) * width,
                from.bytes().data() + i * width,
                width);
  }
  return std::make_shared<Constant>(std::move(dense));
}

}  // namespace sluice::engine
