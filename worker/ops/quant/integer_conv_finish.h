// What becomes of the sums of an integer convolution: themselves, floats or bytes.

#pragma once

#include <cstdint>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/quant/integer_conv_run.h"

namespace sluice::engine {

// Sums [filters, step] of `count` places, of which those of all images of the output are `places`.
struct ConvSums {
  const std::int32_t* sums;
  std::int64_t step;
  std::int64_t first;  // filter
  std::int64_t filters;
  std::int64_t count;
  std::int64_t places;
};
void give_bytes(const IntegerConvParams& params,
                const ConvSums& from,
                KernelContext& context,
                std::int8_t* to);
void give_bytes(const IntegerConvParams& params,
                const ConvSums& from,
                KernelContext& context,
                std::uint8_t* to);
// `bias`: by filter, from the first one on; null: none.
void give_floats(float scale, const float* bias, const ConvSums& from, float* to);

}  // namespace sluice::engine
