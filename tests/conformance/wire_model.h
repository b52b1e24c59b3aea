// Models written as protobuf's wire bytes, for files that no library would write.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "worker/model/wire.h"

namespace sluice::engine::testing {

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

inline std::string value_info(const std::string& name) {
  std::string dim;
  model::append_varint_field(dim, 1, 2);
  std::string shape;
  model::append_bytes_field(shape, 1, bytes_of(dim));
  std::string tensor;
  model::append_varint_field(tensor, 1, 1);  // float
  model::append_bytes_field(tensor, 2, bytes_of(shape));
  std::string type;
  model::append_bytes_field(type, 1, bytes_of(tensor));
  std::string info;
  model::append_bytes_field(info, 1, bytes_of(name));
  model::append_bytes_field(info, 2, bytes_of(type));
  return info;
}

inline std::string node(const std::string& op,
                        const std::vector<std::string>& in,
                        const std::string& out) {
  std::string text;
  for (const std::string& name : in) {
    model::append_bytes_field(text, 1, bytes_of(name));
  }
  model::append_bytes_field(text, 2, bytes_of(out));
  model::append_bytes_field(text, 4, bytes_of(op));
  return text;
}

// From x to y, float32 [2] both. `weight`: the bytes of a TensorProto, or "".
inline std::string model_of(const std::string& weight,
                            const std::vector<std::string>& nodes,
                            const std::vector<std::pair<std::string, int>>& opsets = {{"", 13}}) {
  std::string graph;
  for (const std::string& text : nodes) {
    model::append_bytes_field(graph, 1, bytes_of(text));
  }
  if (!weight.empty()) {
    model::append_bytes_field(graph, 5, bytes_of(weight));
  }
  model::append_bytes_field(graph, 11, bytes_of(value_info("x")));
  model::append_bytes_field(graph, 12, bytes_of(value_info("y")));
  std::string model;
  model::append_varint_field(model, 1, 8);
  model::append_bytes_field(model, 7, bytes_of(graph));
  for (const auto& [domain, version] : opsets) {
    std::string opset;
    model::append_bytes_field(opset, 1, bytes_of(domain));
    model::append_varint_field(opset, 2, static_cast<std::uint64_t>(version));
    model::append_bytes_field(model, 8, bytes_of(opset));
  }
  return model;
}

}  // namespace sluice::engine::testing
