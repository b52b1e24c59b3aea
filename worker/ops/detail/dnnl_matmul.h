// float32 matrix products: C = act(A * B + bias), by panel_matrix.h where B is constant, else by
// oneDNN. Nothing of oneDNN in this header.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/detail/gemm_call.h"
#include "worker/ops/detail/panel_matrix.h"

namespace sluice::engine::detail {

struct MatmulSpec {
  Shape a_dims;               // [batch..., m, k]; all three of one rank, extents of 1 are stretched
  Shape b_dims;               // [batch..., k, n]
  Shape c_dims;               // [batch..., m, n]
  bool a_transposed = false;  // stored [..., k, m]
  bool b_transposed = false;  // stored [..., n, k]
  Shape a_strides{};          // in elements, for any other order; empty: row-major
  Shape b_strides{};
  Shape c_strides{};
  bool has_bias = false;                        // [n]
  Tail tail{};                                  // its activation
  std::shared_ptr<const PanelMatrix> packed{};  // B, or null: B is an operand of the run
};

class Matmul {
 public:
  // Null, for a B that is not packed, when oneDNN has no implementation, or only one whose last
  // bits hang on the number of threads (multiply_alone() is for that) or only its reference.
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
