#include "worker/serve/trial_inputs.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "common/base/limits.h"
#include "common/tensor/buffer.h"
#include "common/tensor/shape.h"

namespace sluice::worker {
namespace {

constexpr std::uint16_t kHalfAsFloat16 = 0x3800;
constexpr std::uint16_t kHalfAsBfloat16 = 0x3f00;
constexpr std::size_t kRandomLetters = 8;
constexpr auto kMostBytes = static_cast<std::size_t>(limits::kLinkMessageBytes);

template <class Value>
void fill(std::span<std::byte> bytes, Value value) {
  for (std::size_t at = 0; at + sizeof value <= bytes.size(); at += sizeof value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
}

// Little-endian integers of any width.
void fill_integer(std::span<std::byte> bytes, std::size_t width, int value) {
  std::ranges::fill(bytes, std::byte{0});
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    bytes[at] = static_cast<std::byte>(value);
  }
}

void fill_made_up(std::span<std::byte> bytes, const ValueInfo& input) {
  switch (input.datatype) {
    case DataType::float32:
      return fill(bytes, 0.5F);
    case DataType::float64:
      return fill(bytes, 0.5);
    case DataType::float16:
      return fill(bytes, kHalfAsFloat16);
    case DataType::bfloat16:
      return fill(bytes, kHalfAsBfloat16);
    default:
      return fill_integer(bytes,
                          std::max<std::size_t>(1, element_size(input.datatype)),
                          input.name.find("mask") != std::string::npos ? 1 : 0);
  }
}

// Bytes of `shape`, an empty string being a length word of 0.
Result<std::size_t> size_of(const std::string& name, DataType datatype, const Shape& shape) {
  const std::size_t width = datatype == DataType::string ? 4 : element_size(datatype);
  auto count = element_count(shape);
  if (!count) {
    return with_context(std::move(count).error(), "input '" + name + "'");
  }
  if (static_cast<std::size_t>(*count) > kMostBytes / width) {
    return Error{ErrorCode::resource_exhausted,
                 "input '" + name + "' of shape " + to_string(shape) +
                     " needs more bytes than a request may have, " + std::to_string(kMostBytes)};
  }
  return static_cast<std::size_t>(*count) * width;
}

using Random = std::mt19937;  // its sequence is the standard's

// In [0, 1), 24 bits of it.
float fraction(Random& random) {
  return static_cast<float>(random() >> 8) * 0x1p-24F;
}

std::uint16_t half_bits(Random& random) {
  // Of 0.5 up to 1: the exponent of 0.5 and ten bits at random.
  return static_cast<std::uint16_t>(kHalfAsFloat16 | (random() & 0x3FF));
}

void fill_random(std::span<std::byte> bytes, DataType datatype, Random& random) {
  const std::size_t width = element_size(datatype);
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    const auto put = [&](auto value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
    switch (datatype) {
      case DataType::float32:
        put(fraction(random));
        break;
      case DataType::float64:
        put(double{fraction(random)});
        break;
      case DataType::float16:
        put(half_bits(random));
        break;
      case DataType::bfloat16:
        put(static_cast<std::uint16_t>(kHalfAsBfloat16 | (random() & 0x7F)));
        break;
      default:
        fill_integer(bytes.subspan(at, width), width, static_cast<int>(random() & 1U));
    }
  }
}

std::string random_strings(std::size_t count, Random& random) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = static_cast<std::uint32_t>(kRandomLetters);
    char word[sizeof length];
    std::memcpy(word, &length, sizeof length);
    bytes.append(word, sizeof word);
    for (std::size_t k = 0; k < kRandomLetters; ++k) {
      bytes.push_back(static_cast<char>('a' + random() % 26));
    }
  }
  return bytes;
}

Result<std::string> read_whole(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) {
    return Error{ErrorCode::not_found, "file '" + name + "': " + error.message()};
  }
  if (size > kMostBytes) {
    return Error{ErrorCode::resource_exhausted,
                 "file '" + name + "' has " + std::to_string(size) + " bytes, at most " +
                     std::to_string(kMostBytes) + " are read"};
  }
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return Error{ErrorCode::unavailable, "file '" + name + "' cannot be read"};
  }
  return bytes;
}

// One row.
Result<std::string> row_of(const WarmUpInput& input) {
  SLUICE_TRY_ASSIGN(const std::size_t size, size_of(input.name, input.datatype, input.dims));
  std::string row(size, '\0');
  if (input.kind == WarmUpInput::Kind::random) {
    Random random;
    if (input.datatype == DataType::string) {
      return random_strings(size / 4, random);
    }
    fill_random(std::as_writable_bytes(std::span(row)), input.datatype, random);
  }
  if (input.kind == WarmUpInput::Kind::file) {
    SLUICE_TRY_ASSIGN(row, read_whole(input.path));
    if (input.datatype != DataType::string && row.size() != size) {
      return Error{ErrorCode::invalid_argument,
                   "input '" + input.name + "': its file has " + std::to_string(row.size()) +
                       " bytes, " + to_string(input.dims) + " needs " + std::to_string(size)};
    }
  }
  return row;
}

}  // namespace

Result<std::vector<NamedTensor>> made_up_inputs(const ModelInfo& info) {
  std::vector<NamedTensor> inputs;
  for (const ValueInfo& input : info.inputs) {
    if (input.optional) {
      continue;
    }
    Shape shape = input.shape;
    std::ranges::replace_if(
        shape, [](std::int64_t extent) { return extent < 0; }, 1);
    SLUICE_TRY_ASSIGN(const std::size_t size, size_of(input.name, input.datatype, shape));
    MutableBuffer bytes(size);
    fill_made_up(bytes.bytes(), input);
    inputs.push_back({.name = input.name,
                      .datatype = input.datatype,
                      .shape = std::move(shape),
                      .data = std::move(bytes).freeze()});
  }
  return inputs;
}

Result<std::vector<NamedTensor>> sample_inputs(const WarmUpSample& sample) {
  std::vector<NamedTensor> inputs;
  const std::size_t rows = std::max<std::size_t>(1, sample.batch_size);
  for (const WarmUpInput& input : sample.inputs) {
    SLUICE_TRY_ASSIGN(const std::string row, row_of(input));
    Shape shape;
    if (sample.batch_size > 0) {
      shape.push_back(static_cast<std::int64_t>(sample.batch_size));
    }
    std::ranges::copy(input.dims, std::back_inserter(shape));
    if (row.size() > kMostBytes / rows) {
      return Error{ErrorCode::resource_exhausted,
                   "input '" + input.name + "' of shape " + to_string(shape) +
                       " needs more bytes than a request may have, " + std::to_string(kMostBytes)};
    }
    std::string bytes;
    bytes.reserve(row.size() * rows);
    for (std::size_t i = 0; i < rows; ++i) {
      bytes += row;
    }
    inputs.push_back({.name = input.name,
                      .datatype = input.datatype,
                      .shape = std::move(shape),
                      .data = Buffer::copy_of(bytes)});
  }
  return inputs;
}

}  // namespace sluice::worker
