#include "worker/ops/math/matmul_product.h"

#include <algorithm>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/types.h"

namespace sluice::engine {

Result<Product> product_of(const GemmParams& params, Dims a_dims, Dims b_dims) {
  Shape a(a_dims.begin(), a_dims.end());
  Shape b(b_dims.begin(), b_dims.end());
  const Error mismatch = bad_input("shapes " + to_string(a_dims) + " and " + to_string(b_dims) +
                                   " cannot be multiplied");
  if (params.is_gemm && (a.size() != 2 || b.size() != 2)) {
    return mismatch;
  }
  if (a.empty() || b.empty()) {
    return mismatch;
  }
  if (params.a_transposed && a.size() > 1) {
    std::swap(a[a.size() - 2], a.back());
  }
  if (params.b_transposed && b.size() > 1) {
    std::swap(b[b.size() - 2], b.back());
  }
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
  }
  if (b.size() == 1) {
    b.push_back(1);
  }
  const std::size_t rank = std::max(a.size(), b.size());
  a.insert(a.begin(), rank - a.size(), 1);
  b.insert(b.begin(), rank - b.size(), 1);
  Product product{.m = a[rank - 2], .n = b[rank - 1], .k = a[rank - 1]};
  auto batch = broadcast_dims(Dims(a).first(rank - 2), Dims(b).first(rank - 2));
  if (product.k != b[rank - 2] || !batch) {
    return mismatch;
  }
  product.c = *std::move(batch);
  product.c.push_back(product.m);
  product.c.push_back(product.n);
  product.a = std::move(a);
  product.b = std::move(b);
  return product;
}

}  // namespace sluice::engine
