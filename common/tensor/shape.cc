#include "common/tensor/shape.h"

#include "common/base/limits.h"

namespace sluice {

Result<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  if (shape.size() > limits::kTensorRank) {
    return Error{ErrorCode::invalid_argument,
                 "shape has " + std::to_string(shape.size()) + " dimensions, at most " +
                     std::to_string(limits::kTensorRank) + " are allowed"};
  }
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) {
      return Error{ErrorCode::invalid_argument,
                   "shape " + to_string(shape) + " has a negative extent"};
    }
    if (extent == 0) {
      empty = true;  // keep checking: [0, 2^62, 2^62] is still nonsense to multiply
      continue;
    }
    if (__builtin_mul_overflow(product, extent, &product)) {
      return Error{ErrorCode::invalid_argument,
                   "shape " + to_string(shape) + " has more elements than 64 bits can count"};
    }
  }
  return empty ? 0 : product;
}

Result<std::size_t> byte_count(DataType type, std::span<const std::int64_t> shape) {
  SLUICE_CHECK(element_size(type) > 0);
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(shape));
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  if (count > kMost / static_cast<std::int64_t>(element_size(type))) {
    return Error{ErrorCode::invalid_argument,
                 "shape " + to_string(shape) + " of " + std::string(name_of(type)) +
                     " needs more bytes than can be addressed"};
  }
  return static_cast<std::size_t>(count) * element_size(type);
}

std::string to_string(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace sluice
