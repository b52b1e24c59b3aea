// Shape: the extents of a tensor, outermost first, and the checked arithmetic over them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/tensor/datatype.h"

namespace sluice {

using Shape = std::vector<std::int64_t>;  // [] is a scalar: one element

// Product of the extents. invalid_argument when an extent is negative, the rank is above
// limits::kTensorRank, or the product leaves int64.
Result<std::int64_t> element_count(std::span<const std::int64_t> shape);

// element_count * element_size, checked to stay below 2^48. `type` must have a fixed element size.
Result<std::size_t> byte_count(DataType type, std::span<const std::int64_t> shape);

// "[1,3,224,224]"; -1 (any extent, in a model's declared shape) prints as -1.
std::string to_string(std::span<const std::int64_t> shape);

}  // namespace sluice
