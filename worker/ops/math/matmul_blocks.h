// Float32 products of matrices that are new in each run, where oneDNN has no kernel whose sums do
// not hang on the number of threads: by rows in blocks whose size follows from the shape alone.

#pragma once

#include "worker/ops/broadcast.h"
#include "worker/ops/math/matmul_product.h"

namespace sluice::engine {

// C = A times B. `batches`: A's and B's matrices over those of the result. False where
// nothing was done.
bool multiply_blocks(const GemmParams& params,
                     const Product& product,
                     const BroadcastLoop<2>& batches,
                     const ProductData& data);

}  // namespace sluice::engine
