// The rules of contrib.h for products: of matrices and convolutions.

#pragma once

#include "common/base/result.h"
#include "worker/engine/read/rewrite.h"

namespace sluice::engine {

Result<void> write_fused_gemm(Rewrite& to);
Result<void> write_fused_conv(Rewrite& to);
Result<void> write_matmul_integer_to_float(Rewrite& to);
Result<void> write_dynamic_quantize_matmul(Rewrite& to);

}  // namespace sluice::engine
