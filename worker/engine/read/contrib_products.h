// The rules of contrib.h for products: of matrices and convolutions.

#pragma once

#include "common/base/result.h"
#include "worker/engine/read/rewrite.h"

namespace sluice::engine {

Result<void> write_fused_gemm(Rewrite& to);
Result<void> write_fused_conv(Rewrite& to);
Result<void> write_matmul_integer_to_float(Rewrite& to);
Result<void> write_dynamic_quantize_matmul(Rewrite& to);
Result<void> write_q_gemm(Rewrite& to);

// (A - a_zero) (B - b_zero) in integers, times a_scale * b_scale, plus bias ("": none), named
// `result`. `integers`: A, B and their zero points.
std::string write_scaled_product(Rewrite& to,
                                 const Rewrite::Names& integers,
                                 const std::string& scale,
                                 const std::string& bias,
                                 const std::string& result);

}  // namespace sluice::engine
