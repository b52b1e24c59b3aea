#include "worker/ops/nn/conv_depthwise.h"

#include <array>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/depthwise.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kTapsMost = 32;  // taken together; more are added to what these gave

// The taps that a place sees, as they are found.
struct Taps {
  std::array<const float*, kTapsMost> x{};
  std::array<const float*, kTapsMost> w{};
  std::size_t count = 0;
};

struct Geometry {
  const Window& window;
  Dims in;  // spatial
  std::int64_t channels;

  // The image's row for a tap of a place; null: padding.
  [[nodiscard]] const float* at(const float* image, std::int64_t place, std::int64_t tap) const {
    std::int64_t offset = 0;
    std::int64_t stride = 1;
    for (std::size_t d = in.size(); d > 0; --d) {
      const std::int64_t position = place % window.out[d - 1] * window.strides[d - 1] +
                                    tap % window.kernel[d - 1] * window.dilations[d - 1] -
                                    window.pads_begin[d - 1];
      if (position < 0 || position >= in[d - 1]) {
        return nullptr;
      }
      offset += position * stride;
      stride *= in[d - 1];
      place /= window.out[d - 1];
      tap /= window.kernel[d - 1];
    }
    return image + offset * channels;
  }
};

}  // namespace

std::vector<float> depthwise_weights(const TensorView& w) {
  const std::int64_t channels = w.dims[0];
  const std::int64_t taps = product(w.dims, 1, w.dims.size());
  std::vector<float> turned(static_cast<std::size_t>(channels * taps));
  for (std::int64_t i = 0; i < channels * taps; ++i) {
    turned[static_cast<std::size_t>(i % taps * channels + i / taps)] =
        w.as<float>()[static_cast<std::size_t>(i)];
  }
  return turned;
}

void conv_depthwise(const TensorView& x,
                    const std::vector<float>& weights,
                    const float* bias,
                    const Window& window,
                    TensorView& y) {
  const std::int64_t channels = y.dims[1];
  const Geometry geometry{.window = window, .in = x.dims.subspan(2), .channels = channels};
  const std::int64_t in_size = product(x.dims, 1, x.dims.size());
  const std::int64_t taps = product(window.kernel, 0, window.kernel.size());
  const std::int64_t places = product(window.out, 0, window.out.size());
  const float* const images = x.as<float>().data();
  float* const out = y.mut<float>().data();
  const auto run_place = [&](std::int64_t item) {
    const float* const image = images + item / places * in_size;
    Taps seen;
    const float* start = bias;
    const auto add = [&] {
      simd::depthwise({.x = seen.x.data(),
                       .w = seen.w.data(),
                       .taps = static_cast<std::int64_t>(seen.count),
                       .start = start,
                       .out = out + item * channels,
                       .channels = channels});
      start = out + item * channels;
      seen.count = 0;
    };
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const float* const row = geometry.at(image, item % places, tap);
      if (row == nullptr) {
        continue;
      }
      if (seen.count == kTapsMost) {
        add();
      }
      seen.x[seen.count] = row;
      seen.w[seen.count++] = weights.data() + tap * channels;
    }
    add();
  };
  const std::int64_t work = 1 + channels * taps;
  parallel_for(y.dims[0] * places, 1 + 65'536 / work, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      run_place(item);
    }
  });
}

}  // namespace sluice::engine
