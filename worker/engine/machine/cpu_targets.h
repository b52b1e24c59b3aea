// Which instructions the engine's own kernels use: the best of this CPU, or less where the
// environment says so (SLUICE_MAX_SIMD=SSE4, AVX2 or AVX512), for tests and to compare machines.

#pragma once

#include "common/base/result.h"

namespace sluice::engine {

// invalid_argument for another word in SLUICE_MAX_SIMD.
Result<void> check_cpu_limit();

}  // namespace sluice::engine
