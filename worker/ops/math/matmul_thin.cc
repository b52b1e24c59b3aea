#include "worker/ops/math/matmul_thin.h"

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/thin_products.h"

namespace sluice::engine {

bool is_thin(const GemmParams& params, const Product& product) {
  constexpr std::int64_t kRows = 4;
  constexpr std::int64_t kMatrix = std::int64_t{1} << 16;
  return product.m <= kRows && product.n * product.k <= kMatrix &&
         (product.m == 1 || !params.a_transposed);
}

void multiply_thin(const GemmParams& params,
                   const Product& product,
                   const BroadcastLoop<2>& batches,
                   const ProductData& data) {
  const float* const a = data.a;
  const float* const b = data.b;
  float* const c = data.c;
  constexpr std::int64_t kGrain = 200'000;  // multiplications
  const std::int64_t work = product.m * product.n * product.k;
  parallel_for(
      batches.rows * batches.inner, kGrain / work + 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const auto start = batches.offsets(i / batches.inner);
          const std::int64_t at = i % batches.inner;
          simd::multiply_thin(
              {.a = a + (start[0] + at * batches.inner_step[0]) * product.m * product.k,
               .b = b + (start[1] + at * batches.inner_step[1]) * product.k * product.n,
               .c = c + i * product.m * product.n,
               .m = product.m,
               .n = product.n,
               .k = product.k,
               .b_transposed = params.b_transposed});
        }
      });
}

}  // namespace sluice::engine
