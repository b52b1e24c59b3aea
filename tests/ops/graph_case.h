// Small graphs for the operators' tests, run through the whole engine: plan, binding, kernels.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/read/reader.h"
#include "worker/engine/session.h"

namespace sluice::engine::testing {

// Row-major literals.
NamedTensor floats(Shape shape, const std::vector<float>& values);
NamedTensor halves(Shape shape, const std::vector<float>& values);   // float16
NamedTensor bhalves(Shape shape, const std::vector<float>& values);  // bfloat16
NamedTensor doubles(Shape shape, const std::vector<double>& values);
NamedTensor int64s(Shape shape, const std::vector<std::int64_t>& values);
NamedTensor int32s(Shape shape, const std::vector<std::int32_t>& values);
NamedTensor uint8s(Shape shape, const std::vector<std::uint8_t>& values);
NamedTensor bools(Shape shape, const std::vector<std::uint8_t>& values);
NamedTensor strings(const Shape& shape, const std::vector<std::string>& values);
// Of any number type: uint16, int8, ...
template <class T>
NamedTensor numbers(Shape shape, const std::vector<T>& values) {
  NamedTensor tensor;
  tensor.datatype = DataTypeOf<T>::value;
  tensor.shape = std::move(shape);
  tensor.data = Buffer::copy_of(std::as_bytes(std::span(values)));
  return tensor;
}
// In [-1, 1), the same for the same seed.
NamedTensor random_floats(const Shape& shape, std::uint32_t seed);
std::vector<float> floats_of(const NamedTensor& tensor);

Attribute integer(std::string name, std::int64_t value);
Attribute real(std::string name, float value);
Attribute text(std::string name, std::string value);
Attribute integers(std::string name, std::vector<std::int64_t> values);
Attribute reals(std::string name, std::vector<float> values);
Attribute texts(std::string name, std::vector<std::string> values);
Attribute tensor(std::string name, const NamedTensor& value);

// Fixture verbs: a graph is written node by node and run.
class GraphCase {
 public:
  explicit GraphCase(int opset = 17) : opset_(opset) {}

  GraphCase& input(const std::string& name, NamedTensor value);       // declared with its own dims
  GraphCase& open_input(const std::string& name, NamedTensor value);  // declared with open dims
  // Declared with the first extent open.
  GraphCase& rows_input(const std::string& name, NamedTensor value, const std::string& symbol = "");
  // Extents with a symbol are open.
  GraphCase& symbol_input(const std::string& name,
                          NamedTensor value,
                          std::vector<std::string> symbols);
  GraphCase& constant(const std::string& name, const NamedTensor& value);
  // An empty name leaves an input or output out.
  GraphCase& node(const std::string& op,
                  const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs,
                  std::vector<Attribute> attributes = {});
  GraphCase& ml_node(const std::string& op,
                     const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs,
                     std::vector<Attribute> attributes = {});
  // Of another domain than ai.onnx, at its own opset.
  GraphCase& domain_node(const std::string& domain,
                         int opset,
                         const std::string& op,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs,
                         std::vector<Attribute> attributes = {});
  GraphCase& output(const std::string& name);
  // Of a graph that goes into a node: an input of any type, and an output declared for no turns.
  GraphCase& inner_input(const std::string& name);
  GraphCase& inner_output(const std::string& name, DataType datatype, Shape dims);
  // This graph as an attribute; the names in it that nothing makes are taken from around.
  [[nodiscard]] Attribute as_attribute(std::string name) const;
  GraphCase& rows_output(const std::string& name, const Shape& behind_rows);

  // By the fast kernels, or by the scalar ones. The outputs in the order they were named.
  Result<std::vector<NamedTensor>> run();
  Result<std::vector<NamedTensor>> run_reference();
  // The graph as it would be read from a file.
  [[nodiscard]] Result<Model> model() const;
  // The graph as a loaded model; it can be asked for again.
  Result<std::unique_ptr<Session>> load(const PlanOptions& options = {});
  // Of the last run().
  [[nodiscard]] BindingFigures figures() const { return figures_; }

 private:
  ValueId value(const std::string& name);
  Result<std::vector<NamedTensor>> run_with(const PlanOptions& options);
  Node& add_node(const std::string& op,
                 const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs,
                 std::vector<Attribute> attributes);

  int opset_;
  Graph graph_;
  std::vector<NamedTensor> inputs_;
  BindingFigures figures_;
};

// One node, its inputs given at run time. An empty datatype leaves an input out.
Result<std::vector<NamedTensor>> run_op(const std::string& op,
                                        const std::vector<NamedTensor>& inputs,
                                        const std::vector<Attribute>& attributes = {},
                                        int opset = 17,
                                        std::size_t outputs = 1);

// The same of another domain: "ai.onnx.ml", "com.microsoft".
Result<std::vector<NamedTensor>> run_domain_op(const std::string& domain,
                                               int opset,
                                               const std::string& op,
                                               const std::vector<NamedTensor>& inputs,
                                               const std::vector<Attribute>& attributes = {},
                                               std::size_t outputs = 1);

// The sentence of the difference, or "" when `got` succeeded and is what is wanted.
std::string mismatch(const Result<std::vector<NamedTensor>>& got,
                     const NamedTensor& want,
                     double relative = 1e-6,
                     double scale = 0);
// The same for output number `output` of `got`.
std::string mismatch_at(const Result<std::vector<NamedTensor>>& got,
                        std::size_t output,
                        const NamedTensor& want,
                        double relative = 1e-6,
                        double scale = 0);
// The error's sentence; "no error" when there is none.
std::string error_of(const Result<std::vector<NamedTensor>>& got);

}  // namespace sluice::engine::testing
