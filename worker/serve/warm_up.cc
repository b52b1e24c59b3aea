#include "worker/serve/warm_up.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "common/tensor/buffer.h"
#include "common/tensor/shape.h"

namespace sluice::worker {
namespace {

constexpr std::uint16_t kHalfAsFloat16 = 0x3800;
constexpr std::uint16_t kHalfAsBfloat16 = 0x3f00;

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

void fill_input(std::span<std::byte> bytes, const ValueInfo& input) {
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

class Discard final : public engine::OutputAllocator {
 public:
  Result<std::span<std::byte>> allocate(std::size_t /*index*/,
                                        DataType /*datatype*/,
                                        const Shape& /*shape*/,
                                        std::size_t size) override {
    outputs_.emplace_back(size);
    return outputs_.back().bytes();
  }

 private:
  std::vector<MutableBuffer> outputs_;
};

}  // namespace

Result<Duration> warm_up(engine::Execution& execution, const ModelInfo& info, const Clock& clock) {
  std::vector<Shape> shapes;
  std::vector<MutableBuffer> buffers;
  std::vector<engine::InputView> inputs;
  for (const ValueInfo& input : info.inputs) {
    Shape shape = input.shape;
    std::ranges::replace_if(
        shape, [](std::int64_t extent) { return extent < 0; }, 1);
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(shape));
    // An empty string is a length word of 0.
    const std::size_t width = input.datatype == DataType::string ? 4 : element_size(input.datatype);
    shapes.push_back(std::move(shape));
    buffers.emplace_back(static_cast<std::size_t>(count) * width);
    fill_input(buffers.back().bytes(), input);
  }
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    inputs.push_back({info.inputs[i].datatype, shapes[i], buffers[i].bytes()});
  }
  std::vector<std::size_t> wanted(info.outputs.size());
  std::iota(wanted.begin(), wanted.end(), std::size_t{0});
  Discard discard;
  const TimePoint begun = clock.now();
  try {
    SLUICE_TRY(execution.run({.inputs = inputs, .outputs = wanted, .allocator = &discard}));
  } catch (const std::exception& error) {
    return Error{ErrorCode::internal, std::string("the engine threw: ") + error.what()};
  }
  return clock.now() - begun;
}

}  // namespace sluice::worker
