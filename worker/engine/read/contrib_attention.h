// Attention of com.microsoft, written out as products and a softmax. For contrib.cc.

#pragma once

#include "common/base/result.h"
#include "worker/engine/read/rewrite.h"

namespace sluice::engine {

Result<void> write_attention(Rewrite& to);
Result<void> write_q_attention(Rewrite& to);
Result<void> write_multi_head_attention(Rewrite& to);

}  // namespace sluice::engine
