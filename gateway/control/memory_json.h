// The fleet's memory as the JSON of its file, and back. The form is this program's own; its version
// changes when an older one could not be read as it was meant.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "gateway/control/deployment_memory.h"

namespace sluice::gateway {

std::string memory_json(const FleetMemory& memory);

// data_corrupt with what is wrong and where. Fields that are missing have their defaults.
Result<FleetMemory> parse_memory(std::string_view text);

}  // namespace sluice::gateway
