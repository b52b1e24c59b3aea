// Depthwise convolutions over channels-last images, a row of places at a time.

#pragma once

#include <vector>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

// Whether there is a kernel for the weights [C, 1, rows, columns] or [C, 1, columns], whatever the
// image.
bool fits_depthwise_rows(const WindowParams& params, const Tail& tail, Dims w);

// y = tail(conv(x, w) + bias); the weights as depthwise_weights() gives them. x, y: channels-last;
// `bias` may be null.
void conv_depthwise_rows(const TensorView& x,
                         const std::vector<float>& weights,
                         const float* bias,
                         const Window& window,
                         const Tail& tail,
                         TensorView& y);

}  // namespace sluice::engine
