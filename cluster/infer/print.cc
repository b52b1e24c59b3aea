#include "cluster/infer/print.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <string_view>
#include <vector>

#include "cluster/infer/elements.h"
#include "gateway/protocol/json_writer.h"

namespace sluice::cluster {

namespace {

constexpr std::size_t kShownElements = 16;
constexpr std::size_t kShownRows = 8;

bool is_float(DataType type) noexcept {
  using enum DataType;
  return type == float16 || type == bfloat16 || type == float32 || type == float64;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.4g", value));
  return text.data();
}

// The values on one line; floats shortened, since a person reads them.
std::string values_text(const NamedTensor& tensor, std::size_t count) {
  const std::size_t shown = std::min(count, kShownElements);
  std::string text;
  if (is_float(tensor.datatype)) {
    for (std::size_t i = 0; i < shown; ++i) {
      text += (i == 0 ? "" : " ") + short_number(number_at(tensor, i));
    }
  } else {
    for (const std::string& element : element_texts(tensor, shown)) {
      text += (text.empty() ? "" : " ") + element;
    }
  }
  return shown < count ? text + " ... (" + std::to_string(count) + " in all)" : text;
}

std::string arg_max_text(const NamedTensor& tensor, std::size_t count) {
  const auto extent =
      tensor.shape.empty()
          ? 0
          : static_cast<std::size_t>(std::max<std::int64_t>(tensor.shape.back(), 0));
  if (!is_float(tensor.datatype) || extent < 2 || count / extent > kShownRows) {
    return {};
  }
  std::string text;
  for (std::size_t row = 0; row * extent < count; ++row) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < extent; ++i) {
      if (number_at(tensor, row * extent + i) > number_at(tensor, row * extent + best)) {
        best = i;
      }
    }
    text += (row == 0 ? "arg-max " : ", ") + std::to_string(best) + " (" +
            short_number(number_at(tensor, row * extent + best)) + ")";
  }
  return text;
}

std::size_t count_of(const NamedTensor& tensor) {
  const Result<std::int64_t> count = element_count(tensor.shape);
  return count ? static_cast<std::size_t>(*count) : 0;
}

// Names come from a model file: what a terminal could take for a command is not printed.
std::string printable(std::string_view text) {
  std::string clean(text);
  std::ranges::replace_if(
      clean, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  return clean;
}

}  // namespace

std::string print_text(const InferResponse& response) {
  std::string text =
      printable(response.model) + " version " + std::to_string(response.version) + "\n";
  std::size_t width = 0;
  for (const NamedTensor& output : response.outputs) {
    width = std::max(width, output.name.size());
  }
  for (const NamedTensor& output : response.outputs) {
    const std::size_t count = count_of(output);
    const std::string kind = std::string(name_of(output.datatype)) + " " + to_string(output.shape);
    text += printable(output.name) + std::string(width - output.name.size(), ' ') + "  " + kind +
            "  " + values_text(output, count) + "\n";
    if (const std::string best = arg_max_text(output, count); !best.empty()) {
      text += std::string(width + 2, ' ') + best + "\n";
    }
  }
  return text;
}

std::string print_json(const InferResponse& response) {
  std::string text = "{\"model_name\":";
  gateway::append_json_string(text, response.model);
  text += ",\"model_version\":\"" + std::to_string(response.version) + "\",\"outputs\":[";
  for (const NamedTensor& output : response.outputs) {
    text += &output == response.outputs.data() ? "{\"name\":" : ",{\"name\":";
    gateway::append_json_string(text, output.name);
    text += ",\"datatype\":\"" + std::string(kserve_name_of(output.datatype)) +
            "\",\"shape\":" + to_string(output.shape) + ",\"data\":[";
    std::string_view comma;
    for (const std::string& element :
         element_texts(output, std::numeric_limits<std::size_t>::max())) {
      text.append(comma).append(element);
      comma = ",";
    }
    text += "]}";
  }
  return text + "]}\n";
}

}  // namespace sluice::cluster
