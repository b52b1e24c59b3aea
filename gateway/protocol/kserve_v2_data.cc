#include "gateway/protocol/kserve_v2_data.h"

#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "gateway/protocol/json_writer.h"
#include "gateway/protocol/tensor_bytes.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway::kserve_v2 {
namespace {

std::string where(const NamedTensor& tensor) {
  return "input '" + tensor.name + "': ";
}

// Calls `read` before each scalar of an array nested in any way.
template <class Read>
bool for_each_scalar(JsonReader& reader, Read read) {
  if (!reader.open_array()) {
    return false;
  }
  std::size_t level = 1;
  while (level > 0) {
    if (!reader.next_element()) {
      if (reader.failed()) {
        return false;
      }
      --level;
    } else if (reader.peek() == JsonReader::Kind::array) {
      if (!reader.open_array()) {
        return false;
      }
      ++level;
    } else if (!read()) {
      return false;
    }
  }
  return true;
}

// One scalar in the type's range.
template <class Number>
bool read_number(JsonReader& reader, Number& out) {
  const std::size_t at = reader.position();
  if constexpr (std::is_same_v<Number, float>) {
    return reader.read_float(out);
  } else if constexpr (std::is_same_v<Number, double>) {
    return reader.read_double(out);
  } else if constexpr (std::is_same_v<Number, bool>) {
    return reader.read_bool(out);
  } else {
    using Wide = std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>;
    Wide wide = 0;
    bool read = false;
    if constexpr (std::is_signed_v<Number>) {
      read = reader.read_int64(wide);
    } else {
      read = reader.read_uint64(wide);
    }
    if (read &&
        (wide < std::numeric_limits<Number>::min() || wide > std::numeric_limits<Number>::max())) {
      return reader.refuse("JSON error at byte " + std::to_string(at) + ": " +
                           std::to_string(wide) + " is beyond the range of " +
                           std::to_string(8 * sizeof(Number)) + "-bit " +
                           (std::is_signed_v<Number> ? "integers" : "unsigned integers"));
    }
    out = static_cast<Number>(wide);
    return read;
  }
}

bool refuse_count(JsonReader& reader,
                  const NamedTensor& tensor,
                  std::string_view seen,
                  std::int64_t wanted) {
  return reader.refuse(where(tensor) + "'data' holds " + std::string(seen) + " elements, shape " +
                       to_string(tensor.shape) + " needs " + std::to_string(wanted));
}

template <class Number>
bool read_numbers(JsonReader& reader, NamedTensor& tensor, std::int64_t count) {
  // Each element takes a digit and a comma at least: a shape cannot ask for more memory than the
  // text pays for.
  if (static_cast<std::uint64_t>(count) > reader.bytes_left() / 2 + 1) {
    return refuse_count(reader, tensor, "too few", count);
  }
  MutableBuffer bytes(static_cast<std::size_t>(count) * sizeof(Number));
  std::byte* const to = bytes.data();
  std::int64_t seen = 0;
  const bool read = for_each_scalar(reader, [&] {
    Number value{};
    if (!read_number(reader, value)) {
      return false;
    }
    if (seen < count) {
      std::memcpy(to + static_cast<std::size_t>(seen) * sizeof(Number), &value, sizeof value);
    }
    ++seen;
    return true;
  });
  if (!read) {
    return false;
  }
  if (seen != count) {
    return refuse_count(reader, tensor, std::to_string(seen), count);
  }
  tensor.data = std::move(bytes).freeze();
  return true;
}

bool read_strings(JsonReader& reader, NamedTensor& tensor, std::int64_t count) {
  std::string bytes;
  std::int64_t seen = 0;
  const bool read = for_each_scalar(reader, [&] {
    std::string_view text;
    if (!reader.read_string(text)) {
      return false;
    }
    append_string_element(bytes, text);
    ++seen;
    return true;
  });
  if (!read) {
    return false;
  }
  if (seen != count) {
    return refuse_count(reader, tensor, std::to_string(seen), count);
  }
  tensor.data = Buffer::from_string(std::move(bytes));
  return true;
}

template <class Number, class Append>
void append_numbers(std::string& out, std::span<const std::byte> data, Append append) {
  for (std::size_t at = 0; at < data.size(); at += sizeof(Number)) {
    Number value{};
    std::memcpy(&value, data.data() + at, sizeof value);
    if (at > 0) {
      out += ',';
    }
    append(out, value);
  }
}

template <class Number>
void append_integers(std::string& out, std::span<const std::byte> data) {
  using Wide = std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>;
  append_numbers<Number>(out, data, [](std::string& to, Number value) {
    append_json_integer(to, static_cast<Wide>(value));
  });
}

template <class Float>
void append_floats(std::string& out, std::span<const std::byte> data) {
  append_numbers<Float>(
      out, data, [](std::string& to, Float value) { append_json_float(to, value); });
}

Result<void> append_strings(std::string& out, const NamedTensor& tensor) {
  const auto data = tensor.data.bytes();
  std::size_t at = 0;
  for (std::size_t i = 0; at < data.size(); ++i) {
    const std::string_view element = string_element(data, at);
    if (find_bad_utf8(element) != std::string_view::npos) {
      return Error{ErrorCode::invalid_argument,
                   "element " + std::to_string(i) + " of output '" + tensor.name +
                       "' is not UTF-8 and cannot be sent as JSON; ask for it with "
                       "'binary_data': true"};
    }
    if (i > 0) {
      out += ',';
    }
    append_json_string(out, element);
  }
  return {};
}

}  // namespace

bool read_data(JsonReader& reader, NamedTensor& tensor) {
  const auto count = element_count(tensor.shape);
  if (!count) {
    return reader.refuse(where(tensor) + count.error().detail);
  }
  switch (tensor.datatype) {
    using enum DataType;
    case boolean:
      static_assert(sizeof(bool) == 1);
      return read_numbers<bool>(reader, tensor, *count);
    case uint8:
      return read_numbers<std::uint8_t>(reader, tensor, *count);
    case uint16:
      return read_numbers<std::uint16_t>(reader, tensor, *count);
    case uint32:
      return read_numbers<std::uint32_t>(reader, tensor, *count);
    case uint64:
      return read_numbers<std::uint64_t>(reader, tensor, *count);
    case int8:
      return read_numbers<std::int8_t>(reader, tensor, *count);
    case int16:
      return read_numbers<std::int16_t>(reader, tensor, *count);
    case int32:
      return read_numbers<std::int32_t>(reader, tensor, *count);
    case int64:
      return read_numbers<std::int64_t>(reader, tensor, *count);
    case float32:
      return read_numbers<float>(reader, tensor, *count);
    case float64:
      return read_numbers<double>(reader, tensor, *count);
    case string:
      return read_strings(reader, tensor, *count);
    case float16:
    case bfloat16:
    default:  // undefined, and what models alone have
      break;
  }
  return reader.refuse("receiving " + std::string(kserve_name_of(tensor.datatype)) +
                       " data via JSON is not supported. Please use the binary data format for "
                       "input '" +
                       tensor.name + "'");
}

Result<void> append_data(std::string& out, const NamedTensor& tensor) {
  const auto data = tensor.data.bytes();
  out += '[';
  switch (tensor.datatype) {
    using enum DataType;
    case boolean:
      append_numbers<std::uint8_t>(out, data, [](std::string& to, std::uint8_t value) {
        to += value != 0 ? "true" : "false";
      });
      break;
    case uint8:
      append_integers<std::uint8_t>(out, data);
      break;
    case uint16:
      append_integers<std::uint16_t>(out, data);
      break;
    case uint32:
      append_integers<std::uint32_t>(out, data);
      break;
    case uint64:
      append_integers<std::uint64_t>(out, data);
      break;
    case int8:
      append_integers<std::int8_t>(out, data);
      break;
    case int16:
      append_integers<std::int16_t>(out, data);
      break;
    case int32:
      append_integers<std::int32_t>(out, data);
      break;
    case int64:
      append_integers<std::int64_t>(out, data);
      break;
    case float32:
      append_floats<float>(out, data);
      break;
    case float64:
      append_floats<double>(out, data);
      break;
    case string:
      SLUICE_TRY(append_strings(out, tensor));
      break;
    case float16:
    case bfloat16:
    default:  // undefined, and what models alone have
      return Error{ErrorCode::invalid_argument,
                   "sending " + std::string(kserve_name_of(tensor.datatype)) +
                       " data via JSON is not supported. Please use the binary data format for "
                       "output '" +
                       tensor.name + "'"};
  }
  out += ']';
  return {};
}

}  // namespace sluice::gateway::kserve_v2
