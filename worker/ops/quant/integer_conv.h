// What integer_float.cc registers of the convolution of integers.

#pragma once

#include "worker/engine/graph/kernel.h"

namespace sluice::engine {

// ConvInteger, Cast, Mul by one number and, as its tail, Add and an activation.
// Inputs: x, w, none, x_zero, w_zero, scale.
Kernel conv_to_float_kernel();

}  // namespace sluice::engine
