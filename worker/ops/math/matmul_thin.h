// Float32 products of few rows with matrices that are small and new in each run: a decoder's
// attention.

#pragma once

#include "worker/ops/broadcast.h"
#include "worker/ops/math/matmul_product.h"

namespace sluice::engine {

// Whether the product is one of these, where B is no constant.
bool is_thin(const GemmParams& params, const Product& product);

// C = A times B. `batches`: A's and B's matrices over those of the result.
void multiply_thin(const GemmParams& params,
                   const Product& product,
                   const BroadcastLoop<2>& batches,
                   const ProductData& data);

}  // namespace sluice::engine
