// Resize along one axis: which input places an output place is made of, and their weights.
// Spec: https://onnx.ai/onnx/operators/onnx__Resize.html (read 2026-11).
//
// Interpolation is separable, so a resize is one such table an axis, applied one after another.

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"

namespace sluice::engine {

enum class ResizeMode : std::uint8_t { nearest, linear, cubic };

// x: output place, s: scale, in and out: extents.
enum class Coordinate : std::uint8_t {
  half_pixel,            // (x + 0.5) / s - 0.5
  half_pixel_symmetric,  // the same around the centre, when s * in is not a whole number
  pytorch_half_pixel,    // half_pixel; 0 when out is 1
  align_corners,         // x * (in - 1) / (s * in - 1); 0 when s * in is 1
  asymmetric,            // x / s
  tf_half_pixel_for_nn,  // (x + 0.5) / s
  tf_crop_and_resize,    // from roi_start to roi_end of the input, both ends hit
};

enum class Nearest : std::uint8_t {
  round_prefer_floor,
  round_prefer_ceil,
  floor,
  ceil,
  by_direction,  // before opset 11: ceil when shrinking, floor when growing
};

struct ResizeRule {
  ResizeMode mode = ResizeMode::nearest;
  Coordinate coordinate = Coordinate::half_pixel;
  Nearest nearest = Nearest::round_prefer_floor;
  double cubic_a = -0.75;
  bool exclude_outside = false;  // weights outside of the input are 0, the others sum to 1
  bool antialias = false;        // linear and cubic: the filter grows with 1 / scale below 1
  double extrapolation = 0;      // what tf_crop_and_resize gives outside of the input
};

struct ResizeAxis {
  std::int64_t in = 1;
  std::int64_t out = 1;
  double scale = 1;
  double roi_start = 0;  // in parts of the input
  double roi_end = 1;
};

// For output place p the input places index[p * taps + t] with weight[p * taps + t].
struct AxisTable {
  std::int64_t in = 1;
  std::int64_t out = 1;
  std::int64_t taps = 1;
  bool identity = false;  // every place is itself
  std::vector<std::int64_t> index{};
  std::vector<double> weight{};         // empty for nearest
  std::vector<std::uint8_t> outside{};  // 1: the extrapolation value; empty: never
};

// `axis.in` and `axis.out` are at least 1. resource_exhausted where there is no memory for the
// table.
Result<AxisTable> make_axis_table(const ResizeRule& rule, const ResizeAxis& axis);

}  // namespace sluice::engine
