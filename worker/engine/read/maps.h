// Inputs that are maps. Requests have tensors, so a map NAME from K to V becomes two inputs in its
// place: NAME.keys and NAME.values, both [n]; the nodes that read the map read both.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"

namespace sluice::engine {

inline constexpr std::string_view kKeysSuffix = ".keys";
inline constexpr std::string_view kValuesSuffix = ".values";

// Whether the operator reads maps, which for it are two inputs of ours.
bool reads_map(const Node& node);

// The map's name, from that of its keys.
std::string map_name(const std::string& keys);

// data_corrupt for operators of maps that read something else, unsupported for maps that another
// operator reads and for keys and values of other datatypes than the specification has.
Result<void> open_maps(Graph& graph);

}  // namespace sluice::engine
