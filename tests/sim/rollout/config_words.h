// Configurations that the simulated operators load: words instead of JSON, each of which sets
// something, as "c7 rolling all two stable2 steps". The first makes it another than the rest.

#pragma once

#include <cstdint>
#include <string>

#include "gateway/control/loaded_config.h"
#include "tests/sim/random.h"

namespace sluice::sim::rollout {

// Mostly one that can be followed where versions 1 and 2 are. `recreates`: as the model does.
std::string draw_config(Random& random, std::uint64_t number, bool recreates);

// A gateway::ReadConfig.
Result<gateway::LoadedConfig> read_config_words(const std::string& text, const std::string& model);

}  // namespace sluice::sim::rollout
