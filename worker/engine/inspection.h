// What can be said of a model file without running it: for `sluice inspect`.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/link/infer.h"

namespace sluice::engine {

// As the file says, before anything is written out or folded.
struct FileFacts {
  std::string producer{};  // "pytorch 2.1"; may be empty
  std::int64_t ir_version = 0;
  std::map<std::string, int> opsets{};  // by domain; ai.onnx is ""
  // Nodes by operator ("Conv", "com.microsoft.Gelu"): of the graph, of those inside it and of
  // functions' bodies, each counted where it is written.
  std::map<std::string, std::size_t> operators{};
};

// An operator, or a version of it, without a kernel, and the names of its nodes.
struct MissingOperator {
  std::string what{};  // "Foo of opset 25 (newest known: 24)"
  std::vector<std::string> nodes{};
};

struct Inspection {
  FileFacts facts{};
  ModelInfo info{};  // inputs and outputs; neither name nor version
  // By input and output: the names of extents, "" for those without.
  std::vector<std::vector<std::string>> input_symbols{};
  std::vector<std::vector<std::string>> output_symbols{};
  std::uint64_t parameters = 0;       // elements of initialisers and of Constant nodes
  std::uint64_t parameter_bytes = 0;  // strings not counted
  std::vector<MissingOperator> missing{};
  std::string refusal{};  // why it cannot be loaded; empty: it can
};

}  // namespace sluice::engine
