// The parameters of a configuration: those that begin with "sluice." are ours.

#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/model/repository/model_config.h"

namespace sluice::repository {

// Reads config.parameters: those of Sluice into their members, a note for each of the others.
// invalid_argument: an unknown sluice.* key, or a value that is none of its kind.
Result<void> read_parameters(ModelConfig& config, std::vector<std::string>& notes);

}  // namespace sluice::repository
