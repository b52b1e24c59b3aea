#include "worker/ops/math/matmul_blocks.h"

#include <algorithm>
#include <atomic>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/detail/dnnl_matmul.h"

namespace sluice::engine {

bool multiply_blocks(const GemmParams& params,
                     const Product& product,
                     const BroadcastLoop<2>& batches,
                     const ProductData& data) {
  const float* const a = data.a;
  const float* const b = data.b;
  float* const c = data.c;
  constexpr std::int64_t kRows = 192;
  constexpr std::int64_t kGrain = 200'000;  // multiplications
  // The rows of a transposed A lie m apart, which a block of them would not know.
  const std::int64_t rows = params.a_transposed ? product.m : std::min(kRows, product.m);
  const std::int64_t blocks = (product.m + rows - 1) / rows;
  const std::int64_t work = rows * product.n * product.k;
  std::atomic<bool> done = true;
  parallel_for(
      batches.rows * batches.inner * blocks,
      kGrain / work + 1,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t matrix = item / blocks;
          const std::int64_t row = item % blocks * rows;
          const auto start = batches.offsets(matrix / batches.inner);
          const std::int64_t at = matrix % batches.inner;
          const detail::GemmShape shape{.m = std::min(rows, product.m - row),
                                        .n = product.n,
                                        .k = product.k,
                                        .a_transposed = params.a_transposed,
                                        .b_transposed = params.b_transposed};
          const bool one = detail::multiply_alone(
              shape,
              a + (start[0] + at * batches.inner_step[0]) * product.m * product.k + row * product.k,
              b + (start[1] + at * batches.inner_step[1]) * product.k * product.n,
              c + (matrix * product.m + row) * product.n);
          done = done && one;
        }
      });
  return done;
}

}  // namespace sluice::engine
