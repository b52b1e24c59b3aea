// Inputs for a model that nobody has asked anything yet: made up from its declaration, or as the
// configuration's warm-up samples say.

#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/serve/serving_plan.h"

namespace sluice::worker {

// Every open extent 1: floats 0.5, integers 0 (they may be indices), inputs named *mask* 1, strings
// empty; inputs that may be left out are. resource_exhausted for an input that no request could
// carry.
Result<std::vector<NamedTensor>> made_up_inputs(const ModelInfo& info);

// Zeros (empty strings); numbers at random, floats in [0, 1), integers 0 or 1, strings of eight
// letters, the same in every life; or the bytes of a file. They are one row, repeated for each of
// the batch. not_found or unavailable for a file that cannot be read, invalid_argument for one of
// another size.
Result<std::vector<NamedTensor>> sample_inputs(const WarmUpSample& sample);

}  // namespace sluice::worker
