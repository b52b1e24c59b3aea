// The model as read: values, nodes, constants. Nothing of protobuf, nothing decided yet.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/engine.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

using ValueId = std::uint32_t;
inline constexpr ValueId kNoValue = ~ValueId{0};  // an optional input or output left out

// A tensor of the model file: its own memory, or bytes of the mapped file at any address.
class Constant {
 public:
  Constant() = default;
  explicit Constant(Tensor tensor)
      : owned_(std::move(tensor)), datatype_(owned_.datatype()), dims_(owned_.dims()) {}
  // `bytes` are the little-endian elements and stay mapped until own() or release().
  Constant(DataType datatype, Shape dims, std::int64_t count, std::span<const std::byte> bytes)
      : datatype_(datatype), dims_(std::move(dims)), count_(count), mapped_(bytes) {}

  [[nodiscard]] DataType datatype() const noexcept { return datatype_; }
  [[nodiscard]] const Shape& dims() const noexcept { return dims_; }
  [[nodiscard]] bool released() const noexcept { return released_; }
  // Aligned elements; copies them out of the mapping first when they are not aligned there.
  [[nodiscard]] Result<TensorView> view();
  // The elements as bytes of any alignment, wherever they are; not for strings.
  [[nodiscard]] std::span<const std::byte> bytes() const;
  // Whole pages of the file's that were read for these elements need not stay in memory.
  void forget_pages() const;
  // Copies the elements out of the mapping, if they still are in it, and frees its pages.
  Result<void> own();
  // Frees the elements: nobody will ask for them again. Datatype and dims stay.
  void release();

 private:
  void drop_mapped();
  Tensor owned_;
  DataType datatype_ = DataType::undefined;
  Shape dims_;
  std::int64_t count_ = 0;
  std::span<const std::byte> mapped_;
  bool released_ = false;
};

struct Graph;

enum class AttributeKind : std::uint8_t {
  integer,
  real,
  text,
  tensor,
  graph,
  integers,
  reals,
  texts,
  type,  // of an optional or a sequence; we go by what comes
};

struct Attribute {
  std::string name{};
  AttributeKind kind = AttributeKind::integer;
  std::int64_t integer = 0;
  float real = 0;
  std::string text{};
  std::vector<std::int64_t> integers{};
  std::vector<float> reals{};
  std::vector<std::string> texts{};
  std::shared_ptr<Constant> tensor{};
  std::shared_ptr<Graph> graph{};
  std::vector<ValueId> captured{};  // what graph->captures are in the graph around
};

struct Node {
  std::string name{};
  std::string op_type{};
  std::string domain{};  // "" is ai.onnx
  int opset = 0;         // of its domain, as imported
  int since = 0;         // the operator's version in force at that opset; set by the registry
  std::vector<ValueId> inputs{};
  std::vector<ValueId> outputs{};
  std::vector<Attribute> attributes{};

  [[nodiscard]] bool has_input(std::size_t i) const {
    return i < inputs.size() && inputs[i] != kNoValue;
  }
};

// "node 'conv1' (Conv)", for error texts.
std::string describe(const Node& node);

// A graph's declared input or output. Extents that are not fixed are -1; `symbols` has their names
// ("batch") or "" in the same places.
struct Declared {
  ValueId value = kNoValue;
  DataType datatype = DataType::undefined;
  bool has_shape = false;
  Shape dims;
  std::vector<std::string> symbols;
  DataType key = DataType::undefined;  // of a map, whose values have `datatype`
  Form form = Form::tensor;
  // Of a graph inside another, where the declaration is a hint: what comes is not held against it.
  bool hint = false;
};

struct Graph {
  std::string name;
  std::string description;
  std::vector<std::string> value_names;  // by ValueId
  std::vector<Declared> inputs;          // without those that only name initialisers
  std::vector<Declared> outputs;
  std::vector<Node> nodes;
  std::map<ValueId, std::shared_ptr<Constant>> constants;
  // Graphs inside others: values taken from the graph around by name.
  std::vector<ValueId> captures;
  std::set<ValueId> borrowed;  // of `constants`: the graph around frees them

  ValueId add_value(std::string value_name) {
    value_names.push_back(std::move(value_name));
    return static_cast<ValueId>(value_names.size() - 1);
  }
};

// Reads a node's attributes for an operator's `parse`. Remembers which names were asked for, so
// that an attribute nobody knows is an error instead of being ignored.
class Attributes {
 public:
  explicit Attributes(const Node& node) : node_(&node), seen_(node.attributes.size(), false) {}

  Result<std::int64_t> integer(std::string_view name, std::int64_t fallback);
  Result<float> real(std::string_view name, float fallback);
  Result<std::string> text(std::string_view name, std::string_view fallback);
  Result<std::vector<std::int64_t>> integers(std::string_view name);  // empty when absent
  Result<std::vector<float>> reals(std::string_view name);
  Result<std::vector<std::string>> texts(std::string_view name);
  Result<std::shared_ptr<Constant>> tensor(std::string_view name);  // null when absent
  [[nodiscard]] bool has(std::string_view name) const;
  // An attribute of this version that cannot change what we compute.
  void ignore(std::string_view name) { static_cast<void>(find(name)); }
  // unsupported when an attribute was never asked for.
  [[nodiscard]] Result<void> finish() const;

 private:
  const Attribute* find(std::string_view name);
  Result<const Attribute*> find(std::string_view name, AttributeKind kind);
  const Node* node_;
  std::vector<bool> seen_;
};

}  // namespace sluice::engine
