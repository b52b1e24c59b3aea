// Depthwise convolutions over channels-last images, for the shapes that oneDNN has no vector kernel
// for: channels that fill no whole vector, long rows.

#pragma once

#include <vector>

#include "worker/engine/values/tensor.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

// Weights [C, 1, kernel...] as [taps, C].
std::vector<float> depthwise_weights(const TensorView& w);

// y = conv(x, w) + bias with a filter for each channel. x, y: channels-last; `bias` may be null.
void conv_depthwise(const TensorView& x,
                    const std::vector<float>& weights,
                    const float* bias,
                    const Window& window,
                    TensorView& y);

}  // namespace sluice::engine
