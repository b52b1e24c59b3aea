// float32 matrix products by oneDNN, and by panel_matrix.h where that is better: C = act(A * B +
// bias). Nothing of oneDNN in this header.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/detail/gemm_call.h"

namespace sluice::engine::detail {

// A constant B [k, n] in oneDNN's own order for it, or in panels of ours where it has none, B is
// small or few rows are to be expected. Fits every number of rows. Shared, read only.
class PackedMatrix {
 public:
  // `b` is row-major [k, n], or [n, k] when `transposed`; `rows` of A will be usual, 0: who knows.
  // Null when oneDNN cannot.
  static std::shared_ptr<const PackedMatrix> make(
      const float* b, std::int64_t k, std::int64_t n, bool transposed, std::int64_t rows);
  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

struct MatmulSpec {
  Shape a_dims;               // [batch..., m, k]; all three of one rank, extents of 1 are stretched
  Shape b_dims;               // [batch..., k, n]
  Shape c_dims;               // [batch..., m, n]
  bool a_transposed = false;  // stored [..., k, m]
  bool b_transposed = false;  // stored [..., n, k]
  Shape a_strides{};          // in elements, for any other order; empty: row-major
  Shape b_strides{};
  Shape c_strides{};
  bool has_bias = false;                         // [n]
  Tail tail{};                                   // its activation
  std::shared_ptr<const PackedMatrix> packed{};  // B, or null: B is an operand of the run
};

class Matmul {
 public:
  // Null when oneDNN has no implementation, or, for a B that is not packed, only one whose last
  // bits hang on the number of threads: multiply_alone() is for that; with strides, likewise where
  // it has only its reference.
  static std::shared_ptr<Matmul> make(const MatmulSpec& spec);
  [[nodiscard]] std::size_t scratch_size() const;
  [[nodiscard]] const char* implementation() const;
  // `b` is ignored where it is packed. Not for two threads at once.
  void run(const float* a, const float* b, const float* bias, float* c, std::byte* scratch);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// c [m, n] = a * b by oneDNN's product for matrices that are new in each run, on this thread alone.
// False where oneDNN cannot.
bool multiply_alone(const GemmShape& shape, const float* a, const float* b, float* c);

}  // namespace sluice::engine::detail
