// Are there NaNs or infinities? oneDNN's fused relu and clip turn NaN into a bound, so a run whose
// numbers may not be finite does those activations by kernels of ours instead.

#pragma once

#include <cstddef>
#include <span>

#include "common/tensor/datatype.h"

namespace sluice::engine {

// `bytes` are elements of any alignment; what is no float is finite.
bool all_finite(DataType datatype, std::span<const std::byte> bytes);

}  // namespace sluice::engine
