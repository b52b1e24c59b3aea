// c [m, n] = a [m, k] * b' + bias for a b that is stored [n, k]: the two products of a recurrent
// operator.
// float32 by oneDNN, by panels where b is constant; float64, and what oneDNN cannot, by OpenBLAS or
// plain loops. A row of c does not depend on the other rows of a.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "worker/ops/detail/dnnl_matmul.h"
#include "worker/ops/detail/gemm_call.h"

namespace sluice::engine {

class RowsProduct {
 public:
  // `packed`: b, where it is constant. `plain`: plain loops, to compare with.
  static RowsProduct make(std::int64_t m,
                          std::int64_t n,
                          std::int64_t k,
                          std::shared_ptr<const detail::PanelMatrix> packed,
                          bool has_bias,
                          bool plain) {
    RowsProduct product;
    product.has_bias_ = has_bias;
    product.shape_ = {.m = m, .n = n, .k = k, .b_transposed = true};
    product.plain_ = plain || m == 0 || n == 0 || k == 0;
    if (!product.plain_) {
      product.primitive_ = detail::Matmul::make({.a_dims = {m, k},
                                                 .b_dims = {k, n},
                                                 .c_dims = {m, n},
                                                 .b_transposed = true,
                                                 .has_bias = has_bias,
                                                 .packed = std::move(packed)});
    }
    return product;
  }

  // Of float32.
  [[nodiscard]] std::size_t scratch_size() const {
    return primitive_ != nullptr ? primitive_->scratch_size() : 0;
  }
  [[nodiscard]] bool by_primitive() const { return primitive_ != nullptr; }

  // `b` is ignored where it is packed, `bias` [n] where there is none.
  void run(const float* a, const float* b, const float* bias, float* c, std::byte* scratch) const {
    if (primitive_ != nullptr) {
      return primitive_->run(a, b, bias, c, scratch);
    }
    if (plain_ || !detail::gemm_float32(shape_, a, b, c)) {
      loops(a, b, c);
    }
    add(bias, c);
  }
  void run(const double* a, const double* b, const double* bias, double* c, std::byte*) const {
    if (plain_ || !detail::gemm_float64(shape_, a, b, c)) {
      loops(a, b, c);
    }
    add(bias, c);
  }

 private:
  template <class T>
  void loops(const T* a, const T* b, T* c) const {
    for (std::int64_t row = 0; row < shape_.m; ++row) {
      for (std::int64_t column = 0; column < shape_.n; ++column) {
        double sum = 0;
        for (std::int64_t i = 0; i < shape_.k; ++i) {
          sum += static_cast<double>(a[row * shape_.k + i]) *
                 static_cast<double>(b[column * shape_.k + i]);
        }
        c[row * shape_.n + column] = static_cast<T>(sum);
      }
    }
  }

  template <class T>
  void add(const T* bias, T* c) const {
    for (std::int64_t i = 0; has_bias_ && i < shape_.m * shape_.n; ++i) {
      c[i] += bias[i % shape_.n];
    }
  }

  detail::GemmShape shape_{};
  bool has_bias_ = false;
  bool plain_ = true;
  std::shared_ptr<detail::Matmul> primitive_{};
};

}  // namespace sluice::engine
