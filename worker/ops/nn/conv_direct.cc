#include "worker/ops/nn/conv_direct.h"

#include <array>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// Steps in memory along N, C and the spatial dimensions, in elements.
struct Steps {
  std::int64_t image = 0;
  std::int64_t channel = 0;
  Shape places{};
};

Steps steps_of(const TensorView& view) {
  const std::size_t rank = view.rank();
  Steps steps;
  steps.places.resize(rank - 2);
  const bool last = view.layout == Layout::channels_last;
  std::int64_t step = last ? view.dims[1] : 1;
  for (std::size_t d = rank - 2; d > 0; --d) {
    steps.places[d - 1] = step;
    step *= view.dims[d + 1];
  }
  steps.channel = last ? 1 : step;
  steps.image = last ? step : step * view.dims[1];
  return steps;
}

// The next index in row-major order; false after the last.
bool advance(Shape& index, const Shape& extents) {
  for (std::size_t d = index.size(); d > 0; --d) {
    if (++index[d - 1] < extents[d - 1]) {
      return true;
    }
    index[d - 1] = 0;
  }
  return false;
}

}  // namespace

template <class T>
void conv_direct(const TensorView& x,
                 const TensorView& w,
                 const T* bias,
                 const Window& window,
                 std::int64_t group,
                 TensorView& y) {
  const Steps from = steps_of(x);
  const Steps to = steps_of(y);
  const std::int64_t channels = w.dims[1];
  const std::int64_t filters = w.dims[0];
  const std::int64_t taps = product(w.dims, 2, w.rank());
  const T* source = x.as<T>().data();
  const T* weights = w.as<T>().data();
  T* target = y.mut<T>().data();
  const std::size_t rank = window.kernel.size();
  parallel_for(y.dims[0] * filters, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t image = at / filters;
      const std::int64_t filter = at % filters;
      const std::int64_t first = filter / (filters / group) * channels;
      Shape place(rank, 0);
      do {
        double sum = bias != nullptr ? static_cast<double>(bias[filter]) : 0.0;
        Shape tap(rank, 0);
        std::int64_t tap_number = 0;
        do {
          std::int64_t offset = image * from.image + first * from.channel;
          bool inside = true;
          for (std::size_t d = 0; d < rank; ++d) {
            const std::int64_t position =
                place[d] * window.strides[d] + tap[d] * window.dilations[d] - window.pads_begin[d];
            inside = inside && position >= 0 && position < x.dims[d + 2];
            offset += position * from.places[d];
          }
          for (std::int64_t c = 0; inside && c < channels; ++c) {
            sum += static_cast<double>(source[offset + c * from.channel]) *
                   static_cast<double>(weights[(filter * channels + c) * taps + tap_number]);
          }
          ++tap_number;
        } while (advance(tap, window.kernel));
        std::int64_t out = image * to.image + filter * to.channel;
        for (std::size_t d = 0; d < rank; ++d) {
          out += place[d] * to.places[d];
        }
        target[out] = static_cast<T>(sum);
      } while (advance(place, window.out));
    }
  });
}

template void conv_direct<float>(
    const TensorView&, const TensorView&, const float*, const Window&, std::int64_t, TensorView&);
template void conv_direct<double>(
    const TensorView&, const TensorView&, const double*, const Window&, std::int64_t, TensorView&);

}  // namespace sluice::engine
