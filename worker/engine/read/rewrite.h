// Rewrite: a call of an operator, and the nodes that take its place. For the rules of
// contrib.h. One of the doors to ONNX's protobuf classes.

#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

#include "common/base/result.h"

namespace sluice::engine {

// What a call leaves out is "".
class Rewrite {
 public:
  using Names = std::vector<std::string>;
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  Rewrite(const onnx::NodeProto& call, const std::string& prefix, Nodes& body)
      : call_(call), prefix_(prefix), body_(body) {}

  [[nodiscard]] std::string in(int i) const { return i < call_.input_size() ? call_.input(i) : ""; }
  [[nodiscard]] bool has_in(int i) const { return !in(i).empty(); }
  [[nodiscard]] bool has_out(int i) const {
    return i < call_.output_size() && !call_.output(i).empty();
  }
  [[nodiscard]] std::string out(int i) const { return has_out(i) ? call_.output(i) : ""; }

  [[nodiscard]] const onnx::AttributeProto* find(const std::string& name) const {
    const auto& all = call_.attribute();
    const auto found = std::ranges::find(all, name, &onnx::AttributeProto::name);
    return found != all.end() ? &*found : nullptr;
  }
  [[nodiscard]] std::int64_t integer(const std::string& name, std::int64_t fallback) const {
    const auto* attribute = find(name);
    return attribute != nullptr ? attribute->i() : fallback;
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto* attribute = find(name);
    return attribute != nullptr ? attribute->s() : "";
  }
  [[nodiscard]] float real(const std::string& name, float fallback) const {
    const auto* attribute = find(name);
    return attribute != nullptr ? attribute->f() : fallback;
  }

  [[nodiscard]] std::string fresh(const std::string& label) const { return prefix_ + label; }
  // A node; its outputs are named, or get names of their own. Returns the first one's.
  std::string add(const std::string& op, const Names& inputs, const Names& outputs = {""}) {
    onnx::NodeProto& node = *body_.Add();
    node.set_op_type(op);
    node.set_name(prefix_ + op + std::to_string(body_.size()));
    for (const std::string& input : inputs) {
      node.add_input(input);
    }
    for (const std::string& output : outputs) {
      node.add_output(output.empty() && outputs.size() == 1 ? node.name() : output);
    }
    return node.output(0);
  }
  // Of the node added last, here and in with().
  Rewrite& in_domain(const char* domain) {
    body_.Mutable(body_.size() - 1)->set_domain(domain);
    return *this;
  }
  Rewrite& with(const std::string& name, std::int64_t value) {
    onnx::AttributeProto& attribute = last(name, onnx::AttributeProto::INT);
    attribute.set_i(value);
    return *this;
  }
  Rewrite& with(const std::string& name, float value) {
    onnx::AttributeProto& attribute = last(name, onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
    return *this;
  }
  Rewrite& with(const std::string& name, const char* value) {
    onnx::AttributeProto& attribute = last(name, onnx::AttributeProto::STRING);
    attribute.set_s(value);
    return *this;
  }
  Rewrite& with(const std::string& name, std::initializer_list<std::int64_t> values) {
    onnx::AttributeProto& attribute = last(name, onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) {
      attribute.add_ints(value);
    }
    return *this;
  }
  // All attributes of the call but those.
  void with_calls_but(const std::vector<std::string>& names) {
    onnx::NodeProto& node = *body_.Mutable(body_.size() - 1);
    for (const onnx::AttributeProto& attribute : call_.attribute()) {
      if (std::ranges::find(names, attribute.name()) == names.end()) {
        *node.add_attribute() = attribute;
      }
    }
  }

  std::string integers(std::initializer_list<std::int64_t> values) {
    const std::string name = add("Constant", {});
    with("value_ints", values);
    return name;
  }
  // One number of the datatype of `like`.
  std::string number(float value, const std::string& like) {
    const std::string name = add("Constant", {});
    with("value_float", value);
    return add("CastLike", {name, like});
  }
  void copy_out(const std::string& value, int i) {
    if (has_out(i)) {
      add("Identity", {value}, {out(i)});
    }
  }

  // An attribute nobody reads is an error here as in kernels.
  Result<void> only(const std::vector<std::string>& names) const {
    for (const onnx::AttributeProto& attribute : call_.attribute()) {
      if (std::ranges::find(names, attribute.name()) == names.end()) {
        return Error{ErrorCode::unsupported, "attribute '" + attribute.name() + "' is not known"};
      }
    }
    return {};
  }

 private:
  onnx::AttributeProto& last(const std::string& name, onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& attribute = *body_.Mutable(body_.size() - 1)->add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }

  const onnx::NodeProto& call_;
  const std::string& prefix_;
  Nodes& body_;
};

}  // namespace sluice::engine
