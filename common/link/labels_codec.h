// OutputLabels in a MessagePack map, as a plan and a hello have them.

#pragma once

#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "common/link/infer.h"
#include "common/link/msgpack_map.h"

namespace sluice::link {

// One entry of the map.
inline void put_labels(MapWriter& map, const std::vector<OutputLabels>& labels) {
  map.begin_maps("labels", labels.size());
  for (const OutputLabels& each : labels) {
    map.begin_element(2);
    map.put("output", std::string_view(each.output));
    map.put("lines", std::string_view(each.lines));
  }
}

inline void get_labels(MapReader& map, std::vector<OutputLabels>& labels) {
  for (MapReader element : map.maps("labels", limits::kTensorsPerRequest)) {
    OutputLabels each;
    element.get("output", each.output, limits::kNameBytes);
    element.get("lines", each.lines, limits::kClassLabelBytes);
    labels.push_back(std::move(each));
  }
}

}  // namespace sluice::link
