// Convolution by plain loops, any layout, any rank: the fallback where oneDNN has no
// implementation, the kernel for float64, and what tests compare with.

#pragma once

#include <cstdint>

#include "worker/engine/values/tensor.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

// y[n,m,p] = bias[m] + sum over c, k of x[n, g(m) + c, p*stride + k*dilation - pad] * w[m,c,k],
// summed in double in index order. `w` is row-major [M, C/group, kernel...]; `bias` may be null.
template <class T>
void conv_direct(const TensorView& x,
                 const TensorView& w,
                 const T* bias,
                 const Window& window,
                 std::int64_t group,
                 TensorView& y);

}  // namespace sluice::engine
