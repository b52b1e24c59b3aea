// A model's settings as JSON, for the state file. Of link::ModelSettings alone: what clients are
// shown of a configuration is in there as a text.

#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/link/repository_messages.h"

namespace sluice::gateway {

nlohmann::json settings_json(const link::ModelSettings& settings);

// What is missing has its default. Throws nlohmann's exceptions where a value is of another kind.
link::ModelSettings parse_settings(const nlohmann::json& from);

}  // namespace sluice::gateway
