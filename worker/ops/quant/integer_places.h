// Integer convolutions whose image is channels-last and whose weights are constants with a sign and
// no zero point, where quads are multiplied: a window's bytes lie together as they are, and so do
// a place's results.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/tensor/buffer.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

struct IntegerConvParams;
struct IntegerConvState;
struct IntegerConvBound;

struct PlaceWeights {
  Buffer memory{};                   // simd/byte_places.h says how they lie
  bool by_channel = false;           // one filter for each channel
  bool joined = false;               // a run is a row of the window; else one place of it
  std::vector<std::int32_t> sums{};  // by filter
};

// Whether the constants w and zero are such weights.
bool goes_by_places(const IntegerConvParams& params, const TensorView& w, const TensorView* zero);
PlaceWeights pack_place_weights(const IntegerConvParams& params, const TensorView& w);

// Geometry, and parts of scratch.
struct PlacesBound {
  Shape in{};
  Shape padded{};  // what the windows see
  Shape begin{};   // where the input begins in it
  bool in_place = false;
  bool turned = false;                 // input and output are row-major
  std::vector<std::int32_t> begins{};  // of windows, by place
  std::vector<std::int32_t> runs{};
  std::int64_t quads = 0;  // of a run
  std::size_t image = 0;   // where parts of scratch begin
  std::size_t rows_in = 0;
  std::size_t rows_out = 0;
};
// Sets the scratch's size. resource_exhausted for images whose offsets leave 32 bits.
Result<PlacesBound> bind_places(const IntegerConvParams& params,
                                const PlaceWeights& weights,
                                BindContext& context);

template <class T>
void run_places(const IntegerConvParams& params,
                const IntegerConvState& state,
                const PlacesBound& bound,
                KernelContext& context);

}  // namespace sluice::engine
