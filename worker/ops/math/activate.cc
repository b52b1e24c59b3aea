#include "worker/ops/math/activate.h"

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/rows.h"

namespace sluice::engine {

void activate(const Tail& tail, TensorView& y) {
  if (tail.activation == Activation::none) {
    return;
  }
  const simd::UnaryOp op = tail.activation == Activation::relu         ? simd::UnaryOp::relu
                           : tail.activation == Activation::leaky_relu ? simd::UnaryOp::leaky_relu
                                                                       : simd::UnaryOp::clip;
  float* data = y.mut<float>().data();
  parallel_for(y.count, 32'768, [&](std::int64_t begin, std::int64_t end) {
    simd::unary(op, tail.low, tail.high, data + begin, data + begin, end - begin);
  });
}

}  // namespace sluice::engine
