// Sliding windows of convolutions and pools: attributes, padding rules, output extents.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

enum class AutoPad : std::uint8_t { none, same_upper, same_lower, valid };

// As written in the node; empty lists mean their defaults.
struct WindowParams {
  std::vector<std::int64_t> kernel{};
  std::vector<std::int64_t> strides{};
  std::vector<std::int64_t> dilations{};
  std::vector<std::int64_t> pads{};  // begins, then ends
  AutoPad auto_pad = AutoPad::none;
  bool ceil_mode = false;
};

// Along each spatial dimension.
struct Window {
  Shape kernel{};
  Shape strides{};
  Shape dilations{};
  Shape pads_begin{};
  Shape pads_end{};
  Shape out{};
};

// Reads kernel_shape, strides, dilations, pads, auto_pad (not ceil_mode) and checks their signs.
Result<WindowParams> parse_window(Attributes& attributes);

// The window over `spatial` extents. `kernel` replaces an absent kernel_shape (convolution's
// weight). invalid_argument when lists have the wrong length or the window is larger than the
// padded input.
Result<Window> resolve_window(const WindowParams& params, Dims spatial, Dims kernel);

// The same for a pool over x [N, C, spatial...]; `is_global`: over all of it.
Result<Window> pool_window(const WindowParams& params, bool is_global, Dims x);
// Dims of what a pool makes of `x`.
Shape pooled_dims(Dims x, const Window& window);

// Whether filters w [M, C / group, kernel...] belong to x [N, C, image...]. No product of extents
// is made: those of a tensor without elements may be as large as int64 holds.
bool fits_groups(Dims x, Dims w, std::int64_t group);

}  // namespace sluice::engine
