#include "worker/model/bench_inputs.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "worker/model/recorded_set.h"

namespace sluice::model {
namespace {

// The same numbers on every machine.
class Sequence {
 public:
  // 0 .. 2^24 - 1, every bit as good as the others.
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state_ >> 40);
  }

 private:
  std::uint64_t state_ = 1;
};

bool is_float(DataType datatype) {
  return datatype == DataType::float16 || datatype == DataType::bfloat16 ||
         datatype == DataType::float32 || datatype == DataType::float64;
}

// The element for `number`, a value in [0, 1) or a small integer, in little-endian bytes.
std::uint64_t bits_of(DataType datatype, double number) {
  const auto single = static_cast<float>(number);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof(bits));
  switch (datatype) {
    case DataType::float32:
      return bits;
    case DataType::float64: {
      std::uint64_t wide = 0;
      std::memcpy(&wide, &number, sizeof(wide));
      return wide;
    }
    case DataType::bfloat16:
      return bits >> 16;
    case DataType::float16: {
      // Small numbers become 0 and mantissas are cut: good enough to measure with.
      const std::uint32_t exponent = bits >> 23;
      return exponent < 113 ? 0 : (exponent - 112) << 10 | (bits >> 13 & 0x3FF);
    }
    default:
      return static_cast<std::uint64_t>(number);
  }
}

bool has(const ValueInfo& input, std::string_view part) {
  return input.name.find(part) != std::string::npos;
}

Buffer fill(const ValueInfo& input, std::int64_t count, Sequence& sequence) {
  const bool one = has(input, "mask");
  const bool zero = has(input, "type");
  std::string bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t random = sequence.next();
    const double number = one                                   ? 1
                          : zero                                ? 0
                          : is_float(input.datatype)            ? random / 16777216.0
                          : input.datatype == DataType::boolean ? random % 2
                                                                : random % 100;
    if (input.datatype == DataType::string) {
      const std::string text = std::to_string(static_cast<int>(number));
      const auto length = static_cast<std::uint32_t>(text.size());
      bytes.append({static_cast<char>(length), 0, 0, 0});
      bytes += text;
      continue;
    }
    const std::uint64_t value = bits_of(input.datatype, number);
    for (std::size_t k = 0; k < element_size(input.datatype); ++k) {
      bytes.push_back(static_cast<char>(value >> (8 * k) & 0xFF));
    }
  }
  return Buffer::copy_of(bytes);
}

// Every element becomes `number`; not for strings.
void set_all(NamedTensor& tensor, std::int64_t number) {
  const std::size_t size = element_size(tensor.datatype);
  const std::uint64_t bits = bits_of(tensor.datatype, static_cast<double>(number));
  std::string bytes;
  for (std::size_t at = 0; at < tensor.data.size(); ++at) {
    bytes.push_back(static_cast<char>(bits >> (8 * (at % size)) & 0xFF));
  }
  tensor.data = Buffer::copy_of(bytes);
}

Result<std::vector<InputSet>> swept(const ModelInfo& info,
                                    const std::vector<std::vector<std::string>>& symbols,
                                    const BenchFeed& feed) {
  std::vector<InputSet> sets;
  bool found = false;
  for (std::int64_t value = feed.sweep->first; value <= feed.sweep->last; ++value) {
    std::map<std::string, Shape> shapes = feed.shapes;
    for (std::size_t i = 0; i < info.inputs.size(); ++i) {
      const auto given = shapes.find(info.inputs[i].name);
      Shape shape = given == shapes.end() ? info.inputs[i].shape : given->second;
      for (std::size_t k = 0; k < shape.size() && k < symbols[i].size(); ++k) {
        const bool swept_here = symbols[i][k] == feed.sweep->symbol;
        found = found || swept_here;
        shape[k] = swept_here ? value : shape[k] < 0 ? 1 : shape[k];
      }
      shapes[info.inputs[i].name] = std::move(shape);
    }
    if (!found) {
      return Error{
          ErrorCode::invalid_argument,
          "--sweep: no extent of the model's inputs is called '" + feed.sweep->symbol + "'"};
    }
    SLUICE_TRY_ASSIGN(sets.emplace_back(), bench_inputs(info, shapes));
  }
  return sets;
}

// Extents of one decode step: batch 1, one new token, `past` tokens before it.
Shape decode_shape(const ValueInfo& input,
                   const std::vector<std::string>& symbols,
                   std::int64_t past) {
  Shape shape = input.shape;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const std::string symbol = k < symbols.size() ? symbols[k] : "";
    if (shape[k] >= 0) {
      continue;
    }
    const bool total = symbol.find("total") != std::string::npos;
    const bool before = has(input, "past") && symbol.find("seq") != std::string::npos;
    shape[k] = total ? past + 1 : before ? past : 1;
  }
  return shape;
}

Result<InputSet> decode_step(const ModelInfo& info,
                             const std::vector<std::vector<std::string>>& symbols,
                             std::int64_t step) {
  std::map<std::string, Shape> shapes;
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    // What is fed back needs no values of its own but in the first step.
    const std::int64_t past = has(info.inputs[i], "past") ? 0 : step;
    shapes[info.inputs[i].name] = decode_shape(info.inputs[i], symbols[i], past);
  }
  SLUICE_TRY_ASSIGN(InputSet set, bench_inputs(info, shapes));
  for (NamedTensor& tensor : set) {
    if (tensor.name.find("position") != std::string::npos) {
      set_all(tensor, step);
    }
  }
  return set;
}

Result<std::vector<InputSet>> decode_sets(const ModelInfo& info,
                                          const std::vector<std::vector<std::string>>& symbols,
                                          std::int64_t steps) {
  if (feedback_of(info).empty()) {
    return Error{ErrorCode::invalid_argument,
                 "--decode: no output of the model is the past of its next step (`present.0.key` "
                 "of `past_key_values.0.key`)"};
  }
  std::vector<InputSet> sets;
  for (std::int64_t step = 0; step < steps; ++step) {
    SLUICE_TRY_ASSIGN(sets.emplace_back(), decode_step(info, symbols, step));
  }
  return sets;
}

bool parse_integer(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

}  // namespace

Result<std::pair<std::string, Shape>> parse_shape_option(std::string_view text) {
  const Error refusal{ErrorCode::invalid_argument,
                      "--shape " + std::string(text) + ": wanted NAME=1x3x224x224"};
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) {
    return refusal;
  }
  std::pair<std::string, Shape> result(text.substr(0, equals), Shape());
  std::string_view rest = text.substr(equals + 1);
  while (!rest.empty()) {
    const std::size_t cross = rest.find('x');
    std::int64_t extent = 0;
    if (cross + 1 == rest.size() || !parse_integer(rest.substr(0, cross), extent)) {
      return refusal;
    }
    result.second.push_back(extent);
    rest.remove_prefix(cross == std::string_view::npos ? rest.size() : cross + 1);
  }
  return result;
}

Result<Sweep> parse_sweep_option(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  const std::size_t dots = equals == std::string_view::npos ? equals : text.find("..", equals);
  Sweep sweep;
  if (dots == std::string_view::npos || equals == 0 ||
      !parse_integer(text.substr(equals + 1, dots - equals - 1), sweep.first) ||
      !parse_integer(text.substr(dots + 2), sweep.last) || sweep.first > sweep.last) {
    return Error{ErrorCode::invalid_argument,
                 "--sweep " + std::string(text) + ": wanted SYMBOL=1..128"};
  }
  sweep.symbol = text.substr(0, equals);
  return sweep;
}

Result<InputSet> bench_inputs(const ModelInfo& info, const std::map<std::string, Shape>& shapes) {
  InputSet inputs;
  Sequence sequence;
  for (const ValueInfo& input : info.inputs) {
    NamedTensor tensor;
    tensor.name = input.name;
    tensor.datatype = input.datatype;
    tensor.shape = input.shape;
    const auto given = shapes.find(input.name);
    if (given != shapes.end()) {
      tensor.shape = given->second;
    } else {
      std::ranges::replace_if(
          tensor.shape, [](std::int64_t extent) { return extent < 0; }, 1);
    }
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(tensor.shape));
    if (count > std::int64_t{1} << 30) {
      return Error{ErrorCode::invalid_argument,
                   "input '" + input.name + "' would have " + std::to_string(count) + " elements"};
    }
    tensor.data = fill(input, count, sequence);
    inputs.push_back(std::move(tensor));
  }
  for (const auto& [name, shape] : shapes) {
    if (std::ranges::find(info.inputs, name, &ValueInfo::name) == info.inputs.end()) {
      return Error{ErrorCode::invalid_argument, "the model has no input '" + name + "'"};
    }
  }
  return inputs;
}

Result<std::vector<InputSet>> bench_sets(const ModelInfo& info,
                                         const std::vector<std::vector<std::string>>& symbols,
                                         const BenchFeed& feed) {
  if (feed.sweep) {
    return swept(info, symbols, feed);
  }
  if (feed.decode > 0) {
    return decode_sets(info, symbols, feed.decode);
  }
  std::vector<InputSet> sets;
  if (!feed.data.empty()) {
    SLUICE_TRY_ASSIGN(InputSet inputs, read_recorded_inputs(feed.data, info));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].datatype == DataType::undefined && !info.inputs[i].optional) {
        return Error{ErrorCode::invalid_argument,
                     "'" + feed.data + "' has no input '" + info.inputs[i].name + "'"};
      }
    }
    sets.push_back(std::move(inputs));
    return sets;
  }
  SLUICE_TRY_ASSIGN(sets.emplace_back(), bench_inputs(info, feed.shapes));
  return sets;
}

std::vector<Feedback> feedback_of(const ModelInfo& info) {
  std::vector<Feedback> pairs;
  for (std::size_t i = 0; i < info.outputs.size(); ++i) {
    const std::string& name = info.outputs[i].name;
    if (!name.starts_with("present")) {
      continue;
    }
    const std::string rest = name.substr(std::string_view("present").size());
    for (std::size_t k = 0; k < info.inputs.size(); ++k) {
      const std::string& input = info.inputs[k].name;
      if (input == "past" + rest || input == "past_key_values" + rest) {
        pairs.push_back({i, k});
      }
    }
  }
  return pairs;
}

}  // namespace sluice::model
