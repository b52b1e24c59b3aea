// The rules of contrib.h for operators on bytes, but products (contrib_products.h).

#pragma once

#include "common/base/result.h"
#include "worker/engine/read/rewrite.h"

namespace sluice::engine {

Result<void> write_dynamic_quantize_lstm(Rewrite& to);
Result<void> write_qlinear_where(Rewrite& to);

}  // namespace sluice::engine
