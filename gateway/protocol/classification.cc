#include "gateway/protocol/classification.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "gateway/protocol/tensor_bytes.h"

namespace sluice::gateway {
namespace {

template <class Number>
bool before(Number a, Number b) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (std::isnan(a) || std::isnan(b)) {
      return !std::isnan(a) && std::isnan(b);
    }
  }
  return a > b;
}

template <class Number>
std::string class_text(Number value, std::size_t index, const LabelList* labels) {
  char text[400];  // the largest double has 309 digits before the point
  std::to_chars_result written{};
  if constexpr (std::is_floating_point_v<Number>) {
    written = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 6);
  } else if constexpr (sizeof(Number) == 1) {
    written = std::to_chars(text, text + sizeof text, static_cast<int>(value));
  } else {
    written = std::to_chars(text, text + sizeof text, value);
  }
  std::string whole = std::string(text, written.ptr) + ":" + std::to_string(index);
  const std::string_view label = labels == nullptr ? std::string_view() : labels->at(index);
  if (!label.empty()) {
    whole.append(":").append(label);
  }
  return whole;
}

template <class Number>
std::string classes_of(std::span<const std::byte> data,
                       std::size_t row_size,
                       std::size_t count,
                       const LabelList* labels) {
  std::vector<Number> values(data.size() / sizeof(Number));
  if (!data.empty()) {
    std::memcpy(values.data(), data.data(), data.size());
  }
  std::string bytes;
  std::vector<std::size_t> order(row_size);
  for (std::size_t row = 0; row + row_size <= values.size() && row_size > 0; row += row_size) {
    for (std::size_t i = 0; i < row_size; ++i) {
      order[i] = i;
    }
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
      const Number x = values[row + a];
      const Number y = values[row + b];
      return before(x, y) || (!before(y, x) && a < b);
    });
    for (std::size_t i = 0; i < count; ++i) {
      append_string_element(bytes, class_text(values[row + order[i]], order[i], labels));
    }
  }
  return bytes;
}

using ClassesOf = std::string (*)(std::span<const std::byte>,
                                  std::size_t,
                                  std::size_t,
                                  const LabelList*);

ClassesOf classes_for(DataType type) {
  switch (type) {
    using enum DataType;
    case boolean:
    case uint8:
      return classes_of<std::uint8_t>;
    case uint16:
      return classes_of<std::uint16_t>;
    case uint32:
      return classes_of<std::uint32_t>;
    case uint64:
      return classes_of<std::uint64_t>;
    case int8:
      return classes_of<std::int8_t>;
    case int16:
      return classes_of<std::int16_t>;
    case int32:
      return classes_of<std::int32_t>;
    case int64:
      return classes_of<std::int64_t>;
    case float32:
      return classes_of<float>;
    case float64:
      return classes_of<double>;
    case float16:
    case bfloat16:
    case string:
    default:  // undefined, and what models alone have
      break;
  }
  return nullptr;
}

}  // namespace

Result<NamedTensor> best_classes(const NamedTensor& tensor,
                                 const OutputForm& form,
                                 const LabelList* labels) {
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorCode::invalid_argument,
                 "classification of output '" + tensor.name + "': " + why};
  };
  const ClassesOf classes = classes_for(tensor.datatype);
  if (classes == nullptr) {
    return refuse("not possible for " + std::string(kserve_name_of(tensor.datatype)));
  }
  SLUICE_TRY_ASSIGN(const std::int64_t elements, element_count(tensor.shape));
  if (static_cast<std::uint64_t>(elements) > limits::kClassificationElements) {
    return refuse("it has " + std::to_string(elements) + " elements, at most " +
                  std::to_string(limits::kClassificationElements) + " are allowed");
  }
  const bool rows = form.class_per_row && !tensor.shape.empty();
  const std::int64_t batch = rows ? tensor.shape.front() : 1;
  const std::int64_t row_size = batch == 0 ? 0 : elements / batch;
  const std::int64_t count = std::min<std::int64_t>(form.classes, row_size);
  NamedTensor out{.name = tensor.name, .datatype = DataType::string, .shape = {}, .data = {}};
  if (rows) {
    out.shape.push_back(batch);
  }
  out.shape.push_back(count);
  out.data = Buffer::from_string(classes(tensor.data.bytes(),
                                         static_cast<std::size_t>(row_size),
                                         static_cast<std::size_t>(count),
                                         labels));
  return out;
}

}  // namespace sluice::gateway
