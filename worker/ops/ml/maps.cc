// ai.onnx.ml: CastMap, DictVectorizer.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_CastMap.html and
// onnx_aionnxml_DictVectorizer.html (read 2026-11).
// Refused by the node's name: both read a map, which no request can carry and no operator makes but
// ZipMap, whose maps can only be results.

#include "worker/ops/register.h"

namespace sluice::engine {

void register_maps(Registry& registry) {
  for (const char* const name : {"CastMap", "DictVectorizer"}) {
    registry.add({.name = name,
                  .domain = std::string(kMlDomain),
                  .since = {1},
                  .refusal = "which reads a map: no request can carry one, and no operator makes "
                             "one for another"});
  }
}

}  // namespace sluice::engine
