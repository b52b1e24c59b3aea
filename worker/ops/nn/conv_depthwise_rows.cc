#include "worker/ops/nn/conv_depthwise_rows.h"

#include <algorithm>
#include <array>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/depthwise_rows.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kLinesMost = 16;  // of a window
constexpr std::int64_t kPlaces = 256;    // of an image's only line: threads share them

}  // namespace

bool fits_depthwise_rows(const WindowParams& params, const Tail& tail, Dims w) {
  const bool stretched = !params.dilations.empty() && params.dilations.back() != 1;
  const std::int64_t stride = params.strides.empty() ? 1 : params.strides.back();
  const bool fits_lines = w.size() == 3 || (w.size() == 4 && w[2] <= kLinesMost);
  return fits_lines && !stretched && !tail.residual && tail.activation != Activation::leaky_relu &&
         simd::fits_depthwise_row(w.back(), stride, w[0]);
}

void conv_depthwise_rows(const TensorView& x,
                         const std::vector<float>& weights,
                         const float* bias,
                         const Window& window,
                         const Tail& tail,
                         TensorView& y) {
  // An image of one dimension is one line.
  const bool has_lines = window.out.size() == 2;
  const std::int64_t in_lines = has_lines ? x.dims[2] : 1;
  const std::int64_t out_lines = has_lines ? window.out[0] : 1;
  const std::int64_t kernel_lines = has_lines ? window.kernel[0] : 1;
  const std::int64_t channels = y.dims[1];
  const std::int64_t line_size = x.dims.back() * channels;
  const bool clips = tail.activation == Activation::clip;
  const simd::DepthwiseRow each{.lines = nullptr,
                                .weights = nullptr,
                                .line_count = 0,
                                .line_extent = x.dims.back(),
                                .kernel = window.kernel.back(),
                                .stride = window.strides.back(),
                                .pad = window.pads_begin.back(),
                                .channels = channels,
                                .bias = bias,
                                .low_held = tail.activation != Activation::none,
                                .high_held = clips,
                                .low = clips ? tail.low : 0,
                                .high = clips ? tail.high : 0,
                                .places = window.out.back(),
                                .out = nullptr};
  const float* const images = x.as<float>().data();
  float* const out = y.mut<float>().data();
  const std::int64_t places = has_lines ? window.out.back() : kPlaces;
  const std::int64_t blocks = (window.out.back() + places - 1) / places;
  const std::int64_t work = places * channels * kernel_lines * window.kernel.back();
  const auto run_rows = [&](std::int64_t begin, std::int64_t end) {
    std::array<const float*, kLinesMost> lines;
    std::array<const float*, kLinesMost> line_weights;
    simd::DepthwiseRow row = each;
    row.lines = lines.data();
    row.weights = line_weights.data();
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t at = item / blocks;
      const std::int64_t first = item % blocks * places;
      const float* const image = images + at / out_lines * in_lines * line_size;
      const std::int64_t top =
          has_lines ? at % out_lines * window.strides[0] - window.pads_begin[0] : 0;
      std::size_t count = 0;
      for (std::int64_t k = 0; k < kernel_lines; ++k) {
        const std::int64_t line = top + k * window.dilations[0];
        if (line >= 0 && line < in_lines) {
          lines[count] = image + line * line_size;
          line_weights[count++] = weights.data() + k * window.kernel.back() * channels;
        }
      }
      row.line_count = static_cast<std::int64_t>(count);
      row.pad = each.pad - first * each.stride;
      row.places = std::min(places, window.out.back() - first);
      row.out = out + (at * window.out.back() + first) * channels;
      simd::depthwise_row(row);
    }
  };
  parallel_for(y.dims[0] * out_lines * blocks, 1 + 65'536 / (1 + work), run_rows);
}

}  // namespace sluice::engine
