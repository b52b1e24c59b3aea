#include "cluster/infer/json_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

using Json = nlohmann::json;

Error invalid_json(std::string detail) {
  return Error{ErrorCode::invalid_argument, std::move(detail)};
}

std::string shown(const Json& value) {
  constexpr std::size_t kMost = 40;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

template <class Number>
void append_bytes(std::string& data, Number number) {
  char bytes[sizeof(Number)];
  std::memcpy(bytes, &number, sizeof(Number));
  data.append(bytes, sizeof(Number));
}

template <class Integer>
bool append_integer(std::string& data, const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<Integer>::max())) {
      return false;
    }
    append_bytes(data, static_cast<Integer>(number));
    return true;
  }
  if (!value.is_number_integer() || std::is_unsigned_v<Integer>) {
    return false;
  }
  const auto number = value.get<std::int64_t>();
  if (number < static_cast<std::int64_t>(std::numeric_limits<Integer>::min())) {
    return false;
  }
  append_bytes(data, static_cast<Integer>(number));
  return true;
}

std::optional<double> number_of(const Json& value) {
  if (value.is_number()) {
    return value.get<double>();
  }
  if (value == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (value == "Infinity") {
    return std::numeric_limits<double>::infinity();
  }
  if (value == "-Infinity") {
    return -std::numeric_limits<double>::infinity();
  }
  return std::nullopt;
}

template <class Float>
bool append_float(std::string& data, const Json& value) {
  const std::optional<double> number = number_of(value);
  if (!number) {
    return false;
  }
  const auto narrow = static_cast<Float>(*number);
  if (std::isinf(narrow) && !std::isinf(*number)) {
    return false;
  }
  append_bytes(data, narrow);
  return true;
}

bool append_string(std::string& data, const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr || text->size() > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  append_bytes(data, static_cast<std::uint32_t>(text->size()));
  data += *text;
  return true;
}

bool append_boolean(std::string& data, const Json& value) {
  if (!value.is_boolean()) {
    return false;
  }
  append_bytes(data, static_cast<std::uint8_t>(value.get<bool>() ? 1 : 0));
  return true;
}

using Append = bool (*)(std::string& data, const Json& value);

// Null for the datatypes that JSON cannot carry.
Append append_of(DataType datatype) noexcept {
  switch (datatype) {
    using enum DataType;
    case boolean:
      return append_boolean;
    case uint8:
      return append_integer<std::uint8_t>;
    case uint16:
      return append_integer<std::uint16_t>;
    case uint32:
      return append_integer<std::uint32_t>;
    case uint64:
      return append_integer<std::uint64_t>;
    case int8:
      return append_integer<std::int8_t>;
    case int16:
      return append_integer<std::int16_t>;
    case int32:
      return append_integer<std::int32_t>;
    case int64:
      return append_integer<std::int64_t>;
    case float32:
      return append_float<float>;
    case float64:
      return append_float<double>;
    case string:
      return append_string;
    case float16:
    case bfloat16:
    default:  // undefined, and what models alone have
      return nullptr;
  }
  return nullptr;
}

// Walks nested arrays into dense data, outermost axis first.
class Walk {
 public:
  Walk(std::string_view name, DataType datatype) : name_(name), datatype_(datatype) {}

  Result<void> run(const Json& value) {
    append_ = append_of(datatype_);
    if (append_ == nullptr) {
      return invalid_json("input '" + name_ + "' is " + std::string(name_of(datatype_)) +
                          ", which JSON cannot carry: use a .npy or .pb file");
    }
    for (const Json* at = &value; at->is_array(); at = &at->front()) {
      if (shape_.size() == limits::kTensorRank) {
        return invalid_json("input '" + name_ + "' is nested deeper than " +
                            std::to_string(limits::kTensorRank) + " arrays");
      }
      shape_.push_back(static_cast<std::int64_t>(at->size()));
      if (at->empty()) {
        break;
      }
    }
    return visit(value, 0);
  }

  Shape shape_;
  std::string data_;

 private:
  Result<void> visit(const Json& value, std::size_t axis) {
    if (axis == shape_.size()) {
      if (!value.is_array() && append_(data_, value)) {
        return {};
      }
      return invalid_json("input '" + name_ + "': " + shown(value) + " is no " +
                          std::string(name_of(datatype_)));
    }
    if (!value.is_array() || static_cast<std::int64_t>(value.size()) != shape_[axis]) {
      return invalid_json("input '" + name_ + "': " + shown(value) + " should be an array of " +
                          std::to_string(shape_[axis]) + " like its neighbours");
    }
    for (const Json& item : value) {
      SLUICE_TRY(visit(item, axis + 1));
    }
    return {};
  }

  std::string name_;
  DataType datatype_;
  Append append_ = nullptr;
};

Result<NamedTensor> tensor_from(const Json& value, const ValueInfo& wanted) {
  Walk walk(wanted.name, wanted.datatype);
  SLUICE_TRY(walk.run(value));
  return NamedTensor{wanted.name,
                     wanted.datatype,
                     complete_shape(walk.shape_, wanted.shape),
                     Buffer::from_string(std::move(walk.data_))};
}

Result<Json> parse(std::string_view json) {
  try {
    return Json::parse(json.begin(), json.end());
  } catch (const Json::exception& error) {
    const std::string_view what =
        error.what();  // "[json.exception.parse_error.101] parse error at ..."
    const std::size_t at = what.find("] ");
    return invalid_json("bad JSON: " +
                        std::string(at == std::string_view::npos ? what : what.substr(at + 2)));
  }
}

Result<NamedTensor> request_input(const Json& input) {
  const auto text = [&input](const char* key) -> const std::string* {
    const auto found = input.find(key);
    return found == input.end() ? nullptr : found->get_ptr<const std::string*>();
  };
  if (!input.is_object() || text("name") == nullptr || text("datatype") == nullptr ||
      !input.contains("shape") || !input.contains("data")) {
    return invalid_json("each of \"inputs\" needs \"name\", \"shape\", \"datatype\" and \"data\"");
  }
  ValueInfo wanted{.name = *text("name"), .datatype = {}, .shape = {}, .optional = false};
  const std::optional<DataType> datatype = datatype_from_kserve(*text("datatype"));
  if (!datatype) {
    return invalid_json("input '" + wanted.name + "': unknown datatype '" + *text("datatype") +
                        "'");
  }
  wanted.datatype = *datatype;
  const Json& shape = input["shape"];
  for (const Json& extent : shape) {
    if (!shape.is_array() || !extent.is_number_unsigned()) {
      return invalid_json("input '" + wanted.name + "': \"shape\" is not a list of extents");
    }
    wanted.shape.push_back(extent.get<std::int64_t>());
  }
  SLUICE_TRY_ASSIGN(NamedTensor tensor, tensor_from(input["data"], wanted));
  SLUICE_TRY_ASSIGN(const std::int64_t told, element_count(wanted.shape));
  SLUICE_TRY_ASSIGN(const std::int64_t there, element_count(tensor.shape));
  if (told != there) {
    return invalid_json("input '" + wanted.name + "': shape " + to_string(wanted.shape) + " but " +
                        std::to_string(there) + " elements of data");
  }
  tensor.shape = wanted.shape;
  return tensor;
}

// Elements of `shape` with every open extent taken as one; absent on overflow.
std::optional<std::int64_t> closed_count(const Shape& shape) {
  Shape closed = shape;
  for (std::int64_t& extent : closed) {
    extent = extent < 0 ? 1 : extent;
  }
  const Result<std::int64_t> count = element_count(closed);
  return count ? std::optional(*count) : std::nullopt;
}

Shape unflatten(std::int64_t count, const Shape& wanted) {
  const std::optional<std::int64_t> known = closed_count(wanted);
  if (!known || *known == 0 || count % *known != 0) {
    return {count};
  }
  std::int64_t left = count / *known;
  Shape shape = wanted;
  for (std::int64_t& extent : shape) {
    if (extent < 0) {  // the first open one takes it; with several, only 1 is unambiguous
      extent = left;
      left = 1;
    }
  }
  const bool several = std::ranges::count(wanted, -1) > 1 && count != *known;
  return left == 1 && !several ? shape : Shape{count};
}

}  // namespace

Shape complete_shape(const Shape& given, const Shape& wanted) {
  if (given.size() >= wanted.size()) {
    return given;
  }
  const std::size_t missing = wanted.size() - given.size();
  bool fits = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::int64_t extent = i < missing ? 1 : given[i - missing];
    fits = fits && (wanted[i] < 0 || wanted[i] == extent);
  }
  if (fits) {
    Shape shape(missing, 1);
    shape.insert(shape.end(), given.begin(), given.end());
    return shape;
  }
  return given.size() == 1 ? unflatten(given[0], wanted) : given;
}

bool is_json_object(std::string_view json) noexcept {
  const std::size_t at = json.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && json[at] == '{';
}

Result<NamedTensor> tensor_from_json(std::string_view json, const ValueInfo& wanted) {
  SLUICE_TRY_ASSIGN(const Json value, parse(json));
  return tensor_from(value, wanted);
}

Result<std::vector<NamedTensor>> tensors_from_request(std::string_view json) {
  SLUICE_TRY_ASSIGN(const Json request, parse(json));
  const auto inputs = request.find("inputs");
  if (inputs == request.end() || !inputs->is_array() || inputs->empty()) {
    return invalid_json("a JSON object must be a v2 request with \"inputs\"");
  }
  if (inputs->size() > limits::kTensorsPerRequest) {
    return invalid_json("more than " + std::to_string(limits::kTensorsPerRequest) + " inputs");
  }
  std::vector<NamedTensor> tensors;
  for (const Json& input : *inputs) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, request_input(input));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace sluice::cluster
