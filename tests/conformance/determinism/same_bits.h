// Are a model's answers the same bits whatever it is run beside and however many threads it has?
// Run alone with one thread, then again, with two threads, and as a row of batches.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"

namespace sluice::testing {

using Load = std::function<Result<std::unique_ptr<engine::Session>>(int threads)>;

struct SameBits {
  bool joined = false;       // batches were run: the engine says that rows are independent
  std::string difference{};  // "", or what differed first, and what the run's steps were made by
};

// `inputs`: of a model whose rows are independent several rows, the batch in front. They are run
// one by one and in batches of 2, 3 and all of them.
Result<SameBits> same_bits(const Load& load, const std::vector<NamedTensor>& inputs);

}  // namespace sluice::testing
