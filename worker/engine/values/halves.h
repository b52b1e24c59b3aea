// Rows of float16 to float32 and back, compiled for several instruction sets and chosen when the
// program runs: to the nearest, ties to even, subnormals included, as small_float.h says. A NaN
// stays a NaN; which one depends on the machine. Rows may be unaligned.

#pragma once

#include <cstdint>

#include "common/tensor/small_float.h"

namespace sluice::engine {

void widen_row(const Float16* from, float* to, std::int64_t count);
void narrow_row(const float* from, Float16* to, std::int64_t count);
// As narrow_row and widen_row after it; `to` may be `from`.
void round_row(const float* from, float* to, std::int64_t count);

}  // namespace sluice::engine
