// What `sluice optimize` makes of a model file: for its text and its file.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::engine {

struct PassReport {
  std::string name{};
  std::size_t nodes = 0;  // behind it
  // Nodes that came or, below 0, went, by operator ("Conv", "com.microsoft.QLinearAdd").
  std::map<std::string, std::int64_t> changes{};
};

struct Optimization {
  std::string file{};     // the bytes of the ONNX file
  std::size_t nodes = 0;  // as read
  std::vector<PassReport> passes{};
};

}  // namespace sluice::engine
