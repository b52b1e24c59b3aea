// The activation of a fused tail, by kernels of ours.

#pragma once

#include "worker/engine/graph/kernel.h"

namespace sluice::engine {

// oneDNN's version gives a bound for NaN.
constexpr bool loses_nan(Activation activation) {
  return activation == Activation::relu || activation == Activation::clip;
}

// y = activation(y), float32.
void activate(const Tail& tail, TensorView& y);

}  // namespace sluice::engine
