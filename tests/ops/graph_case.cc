#include "tests/ops/graph_case.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <random>
#include <set>
#include <utility>

#include "worker/engine/values/strings.h"
#include "worker/model/compare.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"

namespace sluice::engine::testing {
namespace {

std::shared_ptr<Constant> constant_of(const NamedTensor& from) {
  auto made = Tensor::create(from.datatype, from.shape);
  SLUICE_CHECK(made.has_value());
  TensorView view = made->view();
  if (from.datatype == DataType::string) {
    SLUICE_CHECK(decode_strings(from.data.bytes(), view.mut<std::string>()).has_value());
  } else if (view.size() > 0) {
    std::memcpy(view.data, from.data.data(), view.size());
  }
  return std::make_shared<Constant>(*std::move(made));
}

Attribute named(std::string name, AttributeKind kind) {
  Attribute attribute;
  attribute.name = std::move(name);
  attribute.kind = kind;
  return attribute;
}

}  // namespace

NamedTensor floats(Shape shape, const std::vector<float>& values) {
  return numbers(std::move(shape), values);
}
NamedTensor halves(Shape shape, const std::vector<float>& values) {
  std::vector<Float16> rounded;
  std::ranges::transform(values, std::back_inserter(rounded), narrow<Float16>);
  return numbers(std::move(shape), rounded);
}
NamedTensor bhalves(Shape shape, const std::vector<float>& values) {
  std::vector<BFloat16> rounded;
  std::ranges::transform(values, std::back_inserter(rounded), narrow<BFloat16>);
  return numbers(std::move(shape), rounded);
}
NamedTensor doubles(Shape shape, const std::vector<double>& values) {
  return numbers(std::move(shape), values);
}
NamedTensor int64s(Shape shape, const std::vector<std::int64_t>& values) {
  return numbers(std::move(shape), values);
}
NamedTensor int32s(Shape shape, const std::vector<std::int32_t>& values) {
  return numbers(std::move(shape), values);
}
NamedTensor uint8s(Shape shape, const std::vector<std::uint8_t>& values) {
  return numbers(std::move(shape), values);
}
NamedTensor bools(Shape shape, const std::vector<std::uint8_t>& values) {
  NamedTensor tensor = numbers(std::move(shape), values);
  tensor.datatype = DataType::boolean;
  return tensor;
}

NamedTensor strings(const Shape& shape, const std::vector<std::string>& values) {
  MutableBuffer bytes(encoded_size(values));
  encode_strings(values, bytes.bytes());
  NamedTensor tensor;
  tensor.datatype = DataType::string;
  tensor.shape = shape;
  tensor.data = std::move(bytes).freeze();
  return tensor;
}

NamedTensor random_floats(const Shape& shape, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  const auto count = element_count(shape);
  SLUICE_CHECK(count.has_value());
  std::vector<float> values(static_cast<std::size_t>(*count));
  std::ranges::generate(values, [&] { return distribution(random); });
  return floats(shape, values);
}

std::vector<float> floats_of(const NamedTensor& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(float));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  }
  return values;
}

Attribute integer(std::string name, std::int64_t value) {
  Attribute attribute = named(std::move(name), AttributeKind::integer);
  attribute.integer = value;
  return attribute;
}
Attribute real(std::string name, float value) {
  Attribute attribute = named(std::move(name), AttributeKind::real);
  attribute.real = value;
  return attribute;
}
Attribute text(std::string name, std::string value) {
  Attribute attribute = named(std::move(name), AttributeKind::text);
  attribute.text = std::move(value);
  return attribute;
}
Attribute integers(std::string name, std::vector<std::int64_t> values) {
  Attribute attribute = named(std::move(name), AttributeKind::integers);
  attribute.integers = std::move(values);
  return attribute;
}
Attribute reals(std::string name, std::vector<float> values) {
  Attribute attribute = named(std::move(name), AttributeKind::reals);
  attribute.reals = std::move(values);
  return attribute;
}
Attribute texts(std::string name, std::vector<std::string> values) {
  Attribute attribute = named(std::move(name), AttributeKind::texts);
  attribute.texts = std::move(values);
  return attribute;
}
Attribute tensor(std::string name, const NamedTensor& value) {
  Attribute attribute = named(std::move(name), AttributeKind::tensor);
  attribute.tensor = constant_of(value);
  return attribute;
}

ValueId GraphCase::value(const std::string& name) {
  if (name.empty()) {
    return kNoValue;
  }
  const auto found = std::ranges::find(graph_.value_names, name);
  return found != graph_.value_names.end()
             ? static_cast<ValueId>(found - graph_.value_names.begin())
             : graph_.add_value(name);
}

GraphCase& GraphCase::input(const std::string& name, NamedTensor given) {
  open_input(name, std::move(given));
  graph_.inputs.back().dims = inputs_.back().shape;
  return *this;
}

GraphCase& GraphCase::open_input(const std::string& name, NamedTensor given) {
  Declared declared;
  declared.value = value(name);
  declared.datatype = given.datatype;
  declared.has_shape = true;
  declared.dims.assign(given.shape.size(), -1);
  declared.symbols.assign(given.shape.size(), "");
  graph_.inputs.push_back(std::move(declared));
  inputs_.push_back(std::move(given));
  return *this;
}

GraphCase& GraphCase::rows_input(const std::string& name,
                                 NamedTensor given,
                                 const std::string& symbol) {
  input(name, std::move(given));
  graph_.inputs.back().dims[0] = -1;
  graph_.inputs.back().symbols[0] = symbol;
  return *this;
}

GraphCase& GraphCase::symbol_input(const std::string& name,
                                   NamedTensor given,
                                   std::vector<std::string> symbols) {
  input(name, std::move(given));
  Declared& declared = graph_.inputs.back();
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    declared.dims[i] = symbols[i].empty() ? declared.dims[i] : -1;
  }
  declared.symbols = std::move(symbols);
  return *this;
}

GraphCase& GraphCase::constant(const std::string& name, const NamedTensor& given) {
  graph_.constants[value(name)] = constant_of(given);
  return *this;
}

Node& GraphCase::add_node(const std::string& op,
                          const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs,
                          std::vector<Attribute> attributes) {
  Node node;
  node.name = op + "_" + std::to_string(graph_.nodes.size());
  node.op_type = op;
  node.opset = opset_;
  for (const std::string& name : inputs) {
    node.inputs.push_back(value(name));
  }
  for (const std::string& name : outputs) {
    node.outputs.push_back(value(name));
  }
  node.attributes = std::move(attributes);
  for (Attribute& attribute : node.attributes) {
    for (std::size_t i = 0; attribute.graph != nullptr && i < attribute.graph->captures.size();
         ++i) {
      attribute.captured.push_back(
          value(attribute.graph->value_names[attribute.graph->captures[i]]));
    }
  }
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back();
}

GraphCase& GraphCase::node(const std::string& op,
                           const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs,
                           std::vector<Attribute> attributes) {
  add_node(op, inputs, outputs, std::move(attributes));
  return *this;
}

GraphCase& GraphCase::ml_node(const std::string& op,
                              const std::vector<std::string>& inputs,
                              const std::vector<std::string>& outputs,
                              std::vector<Attribute> attributes) {
  return domain_node(std::string(kMlDomain), 3, op, inputs, outputs, std::move(attributes));
}

GraphCase& GraphCase::domain_node(const std::string& domain,
                                  int opset,
                                  const std::string& op,
                                  const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs,
                                  std::vector<Attribute> attributes) {
  Node& node = add_node(op, inputs, outputs, std::move(attributes));
  node.domain = domain;
  node.opset = opset;
  return *this;
}

GraphCase& GraphCase::output(const std::string& name) {
  Declared declared;
  declared.value = value(name);
  graph_.outputs.push_back(std::move(declared));
  return *this;
}

GraphCase& GraphCase::inner_input(const std::string& name) {
  Declared declared;
  declared.value = value(name);
  declared.hint = true;
  graph_.inputs.push_back(std::move(declared));
  return *this;
}

GraphCase& GraphCase::inner_output(const std::string& name, DataType datatype, Shape dims) {
  output(name);
  graph_.outputs.back().datatype = datatype;
  graph_.outputs.back().dims = std::move(dims);
  return *this;
}

Attribute GraphCase::as_attribute(std::string name) const {
  Attribute attribute = named(std::move(name), AttributeKind::graph);
  attribute.graph = std::make_shared<Graph>(graph_);
  std::set<ValueId> made;
  for (const Declared& input : graph_.inputs) {
    made.insert(input.value);
  }
  for (const auto& [id, constant] : graph_.constants) {
    made.insert(id);
  }
  for (const Node& node : graph_.nodes) {
    made.insert(node.outputs.begin(), node.outputs.end());
  }
  for (ValueId id = 0; id < graph_.value_names.size(); ++id) {
    if (!made.contains(id)) {
      attribute.graph->captures.push_back(id);
    }
  }
  return attribute;
}

GraphCase& GraphCase::rows_output(const std::string& name, const Shape& behind_rows) {
  output(name);
  Declared& declared = graph_.outputs.back();
  declared.has_shape = true;
  declared.dims.assign(1, -1);
  declared.dims.insert(declared.dims.end(), behind_rows.begin(), behind_rows.end());
  declared.symbols.assign(declared.dims.size(), "");
  return *this;
}

Result<Model> GraphCase::model() const {
  Model model;
  model.graph = graph_;
  // The plan takes constants over, and this graph may be run again.
  for (auto& [id, constant] : model.graph.constants) {
    SLUICE_TRY_ASSIGN(const TensorView view, constant->view());
    SLUICE_TRY_ASSIGN(Tensor copy,
                      Tensor::create(view.datatype, {view.dims.begin(), view.dims.end()}));
    TensorView to = copy.view();
    copy_elements(view, to);
    constant = std::make_shared<Constant>(std::move(copy));
  }
  model.facts.opsets[""] = opset_;
  return model;
}

Result<std::unique_ptr<Session>> GraphCase::load(const PlanOptions& options) {
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  PlanOptions wanted = options;
  wanted.any_forms = true;  // the small types too
  SLUICE_TRY_ASSIGN(Model made, model());
  return make_session(std::move(made), 1, std::move(registry), wanted);
}

Result<std::vector<NamedTensor>> GraphCase::run_with(const PlanOptions& options) {
  SLUICE_TRY_ASSIGN(const auto session, load(options));
  const auto execution = session->new_execution();
  std::vector<std::size_t> outputs;
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    outputs.push_back(i);
  }
  // Twice: the second run of a shape has other things in its memory than the first.
  SLUICE_TRY(model::run_tensors(*execution, session->info(), inputs_, outputs));
  auto result = model::run_tensors(*execution, session->info(), inputs_, outputs);
  figures_ = figures_of(*execution);
  return result;
}

Result<std::vector<NamedTensor>> GraphCase::run() {
  return run_with({});
}

Result<std::vector<NamedTensor>> GraphCase::run_reference() {
  return run_with({.reference = true});
}

Result<std::vector<NamedTensor>> run_op(const std::string& op,
                                        const std::vector<NamedTensor>& inputs,
                                        const std::vector<Attribute>& attributes,
                                        int opset,
                                        std::size_t outputs) {
  return run_domain_op("", opset, op, inputs, attributes, outputs);
}

Result<std::vector<NamedTensor>> run_domain_op(const std::string& domain,
                                               int opset,
                                               const std::string& op,
                                               const std::vector<NamedTensor>& inputs,
                                               const std::vector<Attribute>& attributes,
                                               std::size_t outputs) {
  GraphCase graph(opset);
  std::vector<std::string> in;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool there = inputs[i].datatype != DataType::undefined;
    in.push_back(there ? "x" + std::to_string(i) : "");
    if (there) {
      graph.input(in.back(), inputs[i]);
    }
  }
  for (std::size_t i = 0; i < outputs; ++i) {
    out.push_back("y" + std::to_string(i));
  }
  graph.domain_node(domain, opset, op, in, out, attributes);
  for (const std::string& name : out) {
    graph.output(name);
  }
  return graph.run();
}

std::string mismatch(const Result<std::vector<NamedTensor>>& got,
                     const NamedTensor& want,
                     double relative,
                     double scale) {
  return mismatch_at(got, 0, want, relative, scale);
}

std::string mismatch_at(const Result<std::vector<NamedTensor>>& got,
                        std::size_t output,
                        const NamedTensor& want,
                        double relative,
                        double scale) {
  if (!got) {
    return got.error().detail;
  }
  const model::Tolerance tolerance{.relative = relative, .absolute = 1e-30, .scale = scale};
  return model::difference(got->at(output), want, tolerance).value_or("");
}

std::string error_of(const Result<std::vector<NamedTensor>>& got) {
  return got ? "no error" : got.error().detail;
}

}  // namespace sluice::engine::testing
