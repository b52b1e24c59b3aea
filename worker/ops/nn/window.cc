#include "worker/ops/nn/window.h"

#include <algorithm>

#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 31;  // of an attribute: sums stay in 64 bits

Result<void> check_list(const std::vector<std::int64_t>& values,
                        std::int64_t least,
                        const char* name) {
  for (const std::int64_t value : values) {
    if (value < least || value > kMost) {
      return Error{ErrorCode::data_corrupt,
                   std::string("attribute '") + name + "' has the value " + std::to_string(value)};
    }
  }
  return {};
}

Shape or_ones(const std::vector<std::int64_t>& values, std::size_t rank) {
  return values.empty() ? Shape(rank, 1) : values;
}

// One dimension: padding for auto_pad, and the number of places.
Result<void> resolve_dimension(const WindowParams& params,
                               std::int64_t extent,
                               std::size_t d,
                               Window& window) {
  if (extent > kMost || window.kernel[d] > kMost) {  // an image or weights without elements
    return bad_input("a window of " + std::to_string(window.kernel[d]) + " over an extent of " +
                     std::to_string(extent));
  }
  const std::int64_t stride = window.strides[d];
  const std::int64_t reach = (window.kernel[d] - 1) * window.dilations[d] + 1;
  std::int64_t& begin = window.pads_begin[d];
  std::int64_t& end = window.pads_end[d];
  if (params.auto_pad == AutoPad::same_upper || params.auto_pad == AutoPad::same_lower) {
    window.out[d] = (extent + stride - 1) / stride;
    const std::int64_t total =
        std::max<std::int64_t>((window.out[d] - 1) * stride + reach - extent, 0);
    begin = params.auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2;
    end = total - begin;
    return {};
  }
  const std::int64_t room = extent + begin + end - reach;
  if (room < 0) {
    return bad_input("a window of " + std::to_string(reach) + " does not fit an extent of " +
                     std::to_string(extent + begin + end) + " with its padding");
  }
  window.out[d] = room / stride + 1;
  if (params.ceil_mode && room % stride != 0 && window.out[d] * stride < extent + begin) {
    ++window.out[d];  // one more, unless it would begin behind the input
  }
  return {};
}

}  // namespace

Result<WindowParams> parse_window(Attributes& attributes) {
  WindowParams params;
  SLUICE_TRY_ASSIGN(params.kernel, attributes.integers("kernel_shape"));
  SLUICE_TRY_ASSIGN(params.strides, attributes.integers("strides"));
  SLUICE_TRY_ASSIGN(params.dilations, attributes.integers("dilations"));
  SLUICE_TRY_ASSIGN(params.pads, attributes.integers("pads"));
  SLUICE_TRY(check_list(params.kernel, 1, "kernel_shape"));
  SLUICE_TRY(check_list(params.strides, 1, "strides"));
  SLUICE_TRY(check_list(params.dilations, 1, "dilations"));
  SLUICE_TRY(check_list(params.pads, 0, "pads"));
  SLUICE_TRY_ASSIGN(const std::string pad, attributes.text("auto_pad", "NOTSET"));
  if (pad == "SAME_UPPER") {
    params.auto_pad = AutoPad::same_upper;
  } else if (pad == "SAME_LOWER") {
    params.auto_pad = AutoPad::same_lower;
  } else if (pad == "VALID") {
    params.auto_pad = AutoPad::valid;
  } else if (pad != "NOTSET" && !pad.empty()) {
    return Error{ErrorCode::data_corrupt, "auto_pad is '" + pad + "'"};
  }
  return params;
}

Result<Window> resolve_window(const WindowParams& params, Dims spatial, Dims kernel) {
  const std::size_t rank = spatial.size();
  Window window;
  window.kernel = params.kernel.empty() ? Shape(kernel.begin(), kernel.end()) : params.kernel;
  window.strides = or_ones(params.strides, rank);
  window.dilations = or_ones(params.dilations, rank);
  window.pads_begin.assign(rank, 0);
  window.pads_end.assign(rank, 0);
  window.out.assign(rank, 0);
  const bool padded = params.auto_pad == AutoPad::none && !params.pads.empty();
  if (window.kernel.size() != rank || window.strides.size() != rank ||
      window.dilations.size() != rank || (padded && params.pads.size() != 2 * rank)) {
    return bad_input("kernel_shape, strides, dilations or pads do not fit the " +
                     std::to_string(rank) + " spatial dimensions of the input");
  }
  if (padded) {
    std::copy_n(params.pads.begin(), rank, window.pads_begin.begin());
    std::copy_n(
        params.pads.begin() + static_cast<std::ptrdiff_t>(rank), rank, window.pads_end.begin());
  }
  for (std::size_t d = 0; d < rank; ++d) {
    SLUICE_TRY(resolve_dimension(params, spatial[d], d, window));
  }
  return window;
}

Result<Window> pool_window(const WindowParams& params, bool is_global, Dims x) {
  if (!is_global) {
    return resolve_window(params, x.subspan(2), {});
  }
  WindowParams whole;
  whole.kernel.assign(x.begin() + 2, x.end());
  return resolve_window(whole, x.subspan(2), {});
}

Shape pooled_dims(Dims x, const Window& window) {
  Shape dims{x[0], x[1]};
  dims.insert(dims.end(), window.out.begin(), window.out.end());
  return dims;
}

bool fits_groups(Dims x, Dims w, std::int64_t group) {
  return group <= std::max<std::int64_t>({x[1], w[0], 1}) && x[1] % group == 0 &&
         x[1] / group == w[1] && w[0] % group == 0;
}

}  // namespace sluice::engine
