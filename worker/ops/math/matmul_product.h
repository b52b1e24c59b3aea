// What MatMul, Gemm and their relatives multiply: their attributes, and the matrices they mean.

#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

struct GemmParams {
  bool is_gemm = false;
  float alpha = 1;
  float beta = 1;
  bool a_transposed = false;
  bool b_transposed = false;
};

// The product as matrices: [batch..., m, k] x [batch..., k, n], all of one rank of at least 2.
struct Product {
  Shape a{};
  Shape b{};
  Shape c{};
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
};

// The float32 matrices of a product, batch by batch.
struct ProductData {
  const float* a;
  const float* b;
  float* c;
};

// invalid_argument where A and B cannot be multiplied.
Result<Product> product_of(const GemmParams& params, Dims a_dims, Dims b_dims);

}  // namespace sluice::engine
