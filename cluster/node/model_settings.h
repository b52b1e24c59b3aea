// What the gateway needs of a model's configuration, whether a node has read it from its disk or an
// operator has sent it.

#pragma once

#include <string>

#include "common/base/result.h"
#include "common/link/repository_messages.h"
#include "gateway/control/loaded_config.h"
#include "worker/model/repository/model_config.h"

namespace sluice::cluster {

link::ModelSettings settings_of(const repository::ModelConfig& config);

// gateway::ReadConfig. invalid_argument or unsupported in the configuration's words, as of a file;
// invalid_argument: more than a gateway takes (labels, rollout steps, bytes).
Result<gateway::LoadedConfig> read_loaded_config(const std::string& json, const std::string& model);

}  // namespace sluice::cluster
