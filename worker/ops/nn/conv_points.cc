#include "worker/ops/nn/conv_points.h"

#include <algorithm>
#include <span>

#include "worker/ops/simd/panels.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

bool has_strides(const Window& window) {
  return std::ranges::any_of(window.strides, [](std::int64_t stride) { return stride != 1; });
}

}  // namespace

bool ConvPoints::pays(Dims w, const Window& window) {
  // What fills up the last panel of filters is multiplied for nothing, one part in kFilled at most.
  constexpr std::int64_t kFilled = 15;
  constexpr std::int64_t kChannels = 32;  // with fewer, tiles begin and end as long as they last
  const std::int64_t filled =
      (w[0] + simd::kFloatPanel - 1) / simd::kFloatPanel * simd::kFloatPanel;
  const auto is = [](std::int64_t wanted) {
    return [wanted](std::int64_t number) { return number == wanted; };
  };
  return w[1] >= kChannels && (filled - w[0]) * kFilled <= w[0] &&
         std::ranges::all_of(w.subspan(2), is(1)) &&
         std::ranges::all_of(window.pads_begin, is(0)) &&
         std::ranges::all_of(window.pads_end, is(0));
}

ConvPoints::ConvPoints(const TensorView& w)
    : channels_(w.dims[1]), weights_(w.as<float>().data(), w.dims[1], w.dims[0], true) {}

std::size_t ConvPoints::scratch_size(const Window& window, Dims y) const {
  return has_strides(window)
             ? static_cast<std::size_t>(product(y, 2, y.size()) * y[0] * channels_) * sizeof(float)
             : 0;
}

void ConvPoints::run(const TensorView& x,
                     const float* bias,
                     bool adds,
                     const Window& window,
                     const Tail& tail,
                     std::byte* scratch,
                     TensorView& y) const {
  const float* places = x.as<float>().data();
  if (has_strides(window)) {
    void* const taken = scratch;
    StridedCopy box{.extents = {x.dims[0]}, .from = {}, .to = {}};
    Shape from{x.dims[0]};
    from.insert(from.end(), x.dims.begin() + 2, x.dims.end());
    from.push_back(channels_);
    box.from = strides_of(from);
    box.extents.insert(box.extents.end(), window.out.begin(), window.out.end());
    box.extents.push_back(channels_);
    box.to = strides_of(box.extents);
    for (std::size_t d = 0; d < window.strides.size(); ++d) {
      box.from[d + 1] *= window.strides[d];
    }
    copy_strided(merged(box), places, static_cast<float*>(taken));
    places = static_cast<const float*>(taken);
  }
  weights_.multiply(places, false, y.count / y.dims[1], bias, tail, y.mut<float>().data(), adds);
}

}  // namespace sluice::engine
