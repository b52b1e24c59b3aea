// Integer convolutions once weights and geometry are known; integer_conv.cc finds these out.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/quant/integer_depthwise.h"
#include "worker/ops/quant/integer_filters.h"
#include "worker/ops/quant/integer_image.h"
#include "worker/ops/quant/integer_places.h"

namespace sluice::engine {

// Of ConvInteger and what else ends in another way: where its inputs are.
struct IntegerConvParams {
  static constexpr std::size_t kNone = ~std::size_t{0};
  WindowParams window{};
  std::int64_t group = 1;
  std::size_t w = 1;
  std::size_t x_zero = 2;
  std::size_t w_zero = 3;
  std::size_t bias = kNone;
  bool takes_floats = false;  // as biases, behind the scale
  bool has_floor = false;     // no result is less than its zero point
  std::size_t scale = kNone;  // of the sums, which become floats
  bool quantizes = false;
};

// Of constant weights.
struct IntegerConvState {
  std::vector<std::byte> memory{};  // of `filters`; empty where the weights are no constants
  Filters filters{};
  std::vector<std::int32_t> taps{};      // instead, where filters see one channel each
  std::optional<PlaceWeights> places{};  // instead, where the image is channels-last
  std::vector<float> bias{};             // of floats, by filter; empty: none
  Tail tail{};
};

// Geometry, and parts of scratch.
struct IntegerConvBound {
  PaddedImage image{};
  std::int64_t filters = 0;  // M / group
  std::int64_t block = 1;    // panels at a time
  std::int64_t lanes = 1;    // threads that have panels and sums of their own
  std::size_t weights = 0;   // parts of scratch: where they begin
  std::size_t ends = 0;      // of quads
  std::size_t lane = 0;
  std::size_t lane_size = 0;
  std::size_t sums = 0;                 // where they begin in a lane, behind the panels
  std::optional<TapPlane> plane{};      // instead of all these but lanes, weights and a lane's
  std::optional<PlacesBound> places{};  // instead of all these
};

Result<void> run_integer_conv(const IntegerConvParams& params,
                              const IntegerConvState& state,
                              const IntegerConvBound& bound,
                              KernelContext& context);

}  // namespace sluice::engine
