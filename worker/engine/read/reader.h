// From a model file to a Graph. With the writer the only door to ONNX's protobuf classes.

#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/inspection.h"
#include "worker/engine/read/mapped_file.h"

namespace sluice::engine {

struct Model {
  Graph graph;
  FileFacts facts;
  std::string description;
  // What the graph's constants point into, until they own their elements.
  std::vector<MappedFile> files;
};

// not_found, unavailable, data_corrupt, unsupported; the sentence names `path` as given.
Result<Model> read_model(const std::string& path);

// The same from bytes that outlive the model; external data is looked for below `folder`.
Result<Model> parse_model(std::span<const std::byte> bytes, const std::string& folder);

}  // namespace sluice::engine
