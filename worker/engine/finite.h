// Are there NaNs or infinities? oneDNN's fused relu and clip turn NaN into a bound, so a run whose
// numbers may not be finite does those activations by kernels of ours instead.

#pragma once

#include <cstddef>
#include <span>

namespace sluice::engine {

// `bytes` are float32 of any alignment.
bool all_finite(std::span<const std::byte> bytes);

}  // namespace sluice::engine
