#include "worker/ops/nn/conv_depthwise_rows.h"

#include <array>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/depthwise_rows.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kLinesMost = 16;  // of a window

}  // namespace

bool fits_depthwise_rows(const WindowParams& params, const Tail& tail, Dims w) {
  const bool stretched = params.dilations.size() == 2 && params.dilations[1] != 1;
  const std::int64_t stride = params.strides.size() == 2 ? params.strides[1] : 1;
  return w.size() == 4 && w[2] <= kLinesMost && !stretched && !tail.residual &&
         tail.activation != Activation::leaky_relu && simd::fits_depthwise_row(w[3], stride, w[0]);
}

void conv_depthwise_rows(const TensorView& x,
                         const std::vector<float>& weights,
                         const float* bias,
                         const Window& window,
                         const Tail& tail,
                         TensorView& y) {
  const std::int64_t channels = y.dims[1];
  const std::int64_t line_size = x.dims[3] * channels;
  const bool clips = tail.activation == Activation::clip;
  const simd::DepthwiseRow each{.lines = nullptr,
                                .weights = nullptr,
                                .line_count = 0,
                                .line_extent = x.dims[3],
                                .kernel = window.kernel[1],
                                .stride = window.strides[1],
                                .pad = window.pads_begin[1],
                                .channels = channels,
                                .bias = bias,
                                .low_held = tail.activation != Activation::none,
                                .high_held = clips,
                                .low = clips ? tail.low : 0,
                                .high = clips ? tail.high : 0,
                                .places = window.out[1],
                                .out = nullptr};
  const float* const images = x.as<float>().data();
  float* const out = y.mut<float>().data();
  const std::int64_t work = window.out[1] * channels * window.kernel[0] * window.kernel[1];
  const auto run_rows = [&](std::int64_t begin, std::int64_t end) {
    std::array<const float*, kLinesMost> lines;
    std::array<const float*, kLinesMost> line_weights;
    simd::DepthwiseRow row = each;
    row.lines = lines.data();
    row.weights = line_weights.data();
    for (std::int64_t at = begin; at < end; ++at) {
      const float* const image = images + at / window.out[0] * x.dims[2] * line_size;
      const std::int64_t top = at % window.out[0] * window.strides[0] - window.pads_begin[0];
      std::size_t count = 0;
      for (std::int64_t k = 0; k < window.kernel[0]; ++k) {
        const std::int64_t line = top + k * window.dilations[0];
        if (line >= 0 && line < x.dims[2]) {
          lines[count] = image + line * line_size;
          line_weights[count++] = weights.data() + k * window.kernel[1] * channels;
        }
      }
      row.line_count = static_cast<std::int64_t>(count);
      row.out = out + at * window.out[1] * channels;
      simd::depthwise_row(row);
    }
  };
  parallel_for(y.dims[0] * window.out[0], 1 + 65'536 / (1 + work), run_rows);
}

}  // namespace sluice::engine
