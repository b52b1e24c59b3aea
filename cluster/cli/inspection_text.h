// What `sluice inspect` prints.

#pragma once

#include <string>

#include "worker/engine/inspection.h"

namespace sluice::cluster {

// For a person: several lines.
std::string inspection_text(const std::string& file, const engine::Inspection& found);
// One JSON object, without a line's end. Extents are numbers, names, or -1.
std::string inspection_json(const std::string& file, const engine::Inspection& found);

}  // namespace sluice::cluster
