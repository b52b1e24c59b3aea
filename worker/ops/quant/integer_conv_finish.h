// What becomes of the sums of an integer convolution: themselves, floats or bytes.

#pragma once

#include <cstddef>
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

// The same for quads, which do it themselves: what they need to know of each filter, in `memory` of
// ends_size(filters) bytes. `zero`: of the panels' bytes.
std::size_t ends_size(std::int64_t filters);
FilterEnds conv_ends(const IntegerConvParams& params,
                     const IntegerConvState& state,
                     const Filters& filters,
                     std::int32_t zero,
                     KernelContext& context,
                     std::int32_t* memory);

}  // namespace sluice::engine
