// What exporters write and few readers expect: functions, sparse initialisers, constants made
// twice, values that no request can carry.

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/wire_model.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/read/reader.h"
#include "worker/engine/session.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

using model::append_bytes_field;
using model::append_varint_field;
using testing::bytes_of;
using testing::model_of;
using testing::node;

Result<std::unique_ptr<Session>> load(const std::string& bytes, bool any_forms = false) {
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  SLUICE_TRY_ASSIGN(Model model, parse_model(bytes_of(bytes), "/nonexistent"));
  return make_session(std::move(model), 1, std::move(registry), {.any_forms = any_forms});
}

std::string refusal(const std::string& bytes) {
  const auto session = load(bytes);
  return session ? "loaded" : session.error().detail;
}

// What the model makes of x = [3, -4].
std::vector<float> run(const std::string& bytes) {
  const auto session = load(bytes);
  EXPECT_TRUE(session) << session.error().detail;
  if (!session) {
    return {};
  }
  const std::vector<float> x{3, -4};
  NamedTensor input;
  input.datatype = DataType::float32;
  input.shape = {2};
  input.data = Buffer::copy_of(std::as_bytes(std::span(x)));
  const auto got =
      model::run_tensors(*(*session)->new_execution(), (*session)->info(), {input}, {0});
  EXPECT_TRUE(got) << got.error().detail;
  std::vector<float> values(got ? got->front().data.size() / sizeof(float) : 0);
  if (!values.empty()) {
    std::memcpy(values.data(), got->front().data.data(), got->front().data.size());
  }
  return values;
}

// --- operators of com.microsoft that are written out in others -----------------------------------

std::string contrib_model(const std::string& contrib_node) {
  return model_of("", {contrib_node}, {{"", 13}, {"com.microsoft", 1}});
}

// --- functions -----------------------------------------------------------------------------------

std::string opset(const std::string& domain, std::uint64_t version) {
  std::string text;
  append_bytes_field(text, 1, bytes_of(domain));
  append_varint_field(text, 2, version);
  return text;
}

std::string with_domain(std::string node_text, const std::string& domain) {
  append_bytes_field(node_text, 7, bytes_of(domain));
  return node_text;
}

// own.NAME: in -> out, of the given nodes.
std::string function(const std::string& name, const std::vector<std::string>& nodes) {
  std::string text;
  append_bytes_field(text, 1, bytes_of(name));
  append_bytes_field(text, 4, bytes_of("in"));
  append_bytes_field(text, 5, bytes_of("out"));
  for (const std::string& each : nodes) {
    append_bytes_field(text, 7, bytes_of(each));
  }
  append_bytes_field(text, 9, bytes_of(opset("", 14)));
  append_bytes_field(text, 9, bytes_of(opset("own", 1)));
  append_bytes_field(text, 10, bytes_of("own"));
  return text;
}

std::string model_with(const std::vector<std::string>& functions,
                       const std::vector<std::string>& nodes) {
  std::string text = model_of("", nodes, {{"", 13}, {"own", 1}});
  for (const std::string& each : functions) {
    append_bytes_field(text, 25, bytes_of(each));
  }
  return text;
}

// An attribute `name` that is the function's attribute `outer`.
std::string refers(const std::string& name, const std::string& outer) {
  std::string text;
  append_bytes_field(text, 1, bytes_of(name));
  append_bytes_field(text, 21, bytes_of(outer));
  append_varint_field(text, 20, 1);  // FLOAT
  return text;
}

std::string real(const std::string& name, float value) {
  std::string text;
  append_bytes_field(text, 1, bytes_of(name));
  std::string bits(sizeof(value), 0);
  std::memcpy(bits.data(), &value, sizeof(value));
  model::append_tag(text, 2, model::WireType::fixed32);
  text += bits;
  append_varint_field(text, 20, 1);
  return text;
}

std::string with_attribute(std::string node_text, const std::string& attribute) {
  append_bytes_field(node_text, 5, bytes_of(attribute));
  return node_text;
}

TEST(Functions, AreExpandedWhereTheyAreCalled) {
  const std::string twice =
      function("Twice", {node("Add", {"in", "in"}, "t"), node("Identity", {"t"}, "out")});
  const std::string four = function("Four",
                                    {with_domain(node("Twice", {"in"}, "a"), "own"),
                                     with_domain(node("Twice", {"a"}, "out"), "own")});
  EXPECT_EQ(run(model_with({twice, four}, {with_domain(node("Four", {"x"}, "y"), "own")})),
            (std::vector<float>{12, -16}));
}

TEST(Contrib, IsWrittenOutWhereItIsCalled) {
  const auto contrib = [](std::string text) {
    return with_domain(std::move(text), "com.microsoft");
  };
  const std::string quick = contrib(node("QuickGelu", {"x"}, "y"));
  // x / (1 + exp(-alpha x)).
  const std::vector<float> half = run(contrib_model(with_attribute(quick, real("alpha", 0.5F))));
  ASSERT_EQ(half.size(), 2U);
  EXPECT_FLOAT_EQ(half[0], 3 / (1 + std::exp(-1.5F)));
  EXPECT_FLOAT_EQ(half[1], -4 / (1 + std::exp(2.0F)));
  EXPECT_FLOAT_EQ(run(contrib_model(quick))[0], 3 / (1 + std::exp(-3 * 1.702F)));
  const float gelu = run(contrib_model(contrib(node("BiasGelu", {"x", "x"}, "y"))))[0];
  EXPECT_FLOAT_EQ(gelu, 3 * (1 + std::erf(6 / std::sqrt(2.0F))));
  EXPECT_EQ(refusal(contrib_model(with_attribute(quick, real("beta", 1)))),
            "node '' (QuickGelu): attribute 'beta' is not known");
  EXPECT_NE(refusal(contrib_model(contrib(node("NoSuchGelu", {"x"}, "y")))).find("NoSuchGelu"),
            std::string::npos);
}

TEST(Functions, PassTheirAttributesOn) {
  const std::string leaky = function(
      "Leaky", {with_attribute(node("LeakyRelu", {"in"}, "out"), refers("alpha", "slope"))});
  const std::string call = with_domain(node("Leaky", {"x"}, "y"), "own");
  EXPECT_EQ(run(model_with({leaky}, {with_attribute(call, real("slope", 0.5F))})),
            (std::vector<float>{3, -2}));
  EXPECT_EQ(run(model_with({leaky}, {call}))[1], -4 * 0.01F) << "the operator's own default";
}

TEST(Functions, HaveTheOpsetsTheyImport) {
  // Function nodes are of opset 14 here, the model's of 13.
  const auto made = parse_model(
      bytes_of(model_with({function("F", {node("Relu", {"in"}, "out")})},
                          {with_domain(node("F", {"x"}, "a"), "own"), node("Relu", {"a"}, "y")})),
      "/nonexistent");
  ASSERT_TRUE(made) << made.error().detail;
  ASSERT_EQ(made->graph.nodes.size(), 2U);
  EXPECT_EQ(made->graph.nodes[0].opset, 14);
  EXPECT_EQ(made->graph.nodes[1].opset, 13);
}

TEST(Functions, ThatCallThemselvesAreRefused) {
  const std::string call_g = with_domain(node("G", {"in"}, "out"), "own");
  const std::string call_f = with_domain(node("F", {"in"}, "out"), "own");
  EXPECT_NE(refusal(model_with({function("F", {call_g}), function("G", {call_f})},
                               {with_domain(node("F", {"x"}, "y"), "own")}))
                .find("function 'own.F' calls itself"),
            std::string::npos);
}

TEST(Functions, ThatExpandToMoreThanTheMemoryAreRefused) {
  const std::string many =
      with_attribute(node("LeakyRelu", {"in"}, "out"), real(std::string(10'000, 'a'), 1));
  std::vector<std::string> calls{node("Identity", {"x"}, "y")};
  for (int i = 0; i < 200; ++i) {
    calls.push_back(with_domain(node("Many", {"x"}, "y" + std::to_string(i)), "own"));
  }
  const MemoryLimit limit(4 << 20);  // of 6 MB
  EXPECT_EQ(refusal(model_with({function("Many", {many, many, many})}, calls)),
            "the nodes of its functions need 4 MB of memory, 4 MB are allowed");
}

// --- operators -----------------------------------------------------------------------------------

TEST(Operators, ThatAreMissingAreNamedWithTheirNodesThoseInsideOthersToo) {
  std::string graph;
  append_bytes_field(graph, 1, bytes_of(node("Inside", {"x"}, "b")));
  append_bytes_field(graph, 12, bytes_of(testing::value_info("b")));
  std::string branch;
  append_bytes_field(branch, 1, bytes_of("then_branch"));
  append_bytes_field(branch, 6, bytes_of(graph));
  append_varint_field(branch, 20, 5);  // GRAPH
  const std::string text = refusal(
      model_of("", {node("Outside", {"x"}, "c"), with_attribute(node("If", {"c"}, "y"), branch)}));
  EXPECT_EQ(text, "unsupported operators: Inside (node 'b'); Outside (node 'c')");
}

// --- tensors -------------------------------------------------------------------------------------

std::string tensor(std::uint64_t type, const std::vector<std::uint64_t>& dims, std::string raw) {
  std::string text;
  for (const std::uint64_t extent : dims) {
    append_varint_field(text, 1, extent);
  }
  append_varint_field(text, 2, type);
  append_bytes_field(text, 8, bytes_of("w"));
  append_bytes_field(text, 9, bytes_of(raw));
  return text;
}

// x + w, w a sparse initialiser of shape [2] with the value 7 at `index`.
std::string sparse_model(char index) {
  std::string sparse;
  append_bytes_field(sparse, 1, bytes_of(tensor(1, {1}, std::string("\0\0\xe0\x40", 4))));
  append_bytes_field(
      sparse, 2, bytes_of(tensor(7, {1}, std::string(1, index) + std::string(7, 0))));
  append_varint_field(sparse, 3, 2);
  std::string graph;
  append_bytes_field(graph, 1, bytes_of(node("Add", {"x", "w"}, "y")));
  append_bytes_field(graph, 15, bytes_of(sparse));
  append_bytes_field(graph, 11, bytes_of(testing::value_info("x")));
  append_bytes_field(graph, 12, bytes_of(testing::value_info("y")));
  std::string text;
  append_bytes_field(text, 7, bytes_of(graph));
  append_bytes_field(text, 8, bytes_of(opset("", 13)));
  return text;
}

TEST(SparseInitializers, AreFilledUpWithZeros) {
  EXPECT_EQ(run(sparse_model(1)), (std::vector<float>{3, 3}));
  EXPECT_NE(refusal(sparse_model(2)).find("index outside of its shape"), std::string::npos);
}

TEST(Constants, MadeTwiceAreWhatTheLastOneSays) {
  const auto constant = [](const std::string& raw) {
    std::string attribute;
    append_bytes_field(attribute, 1, bytes_of("value"));
    append_bytes_field(attribute, 5, bytes_of(tensor(1, {1}, raw)));
    append_varint_field(attribute, 20, 4);
    return with_attribute(node("Constant", {}, "w"), attribute);
  };
  const std::string one("\0\0\x80\x3f", 4);
  const std::string seven("\0\0\xe0\x40", 4);
  EXPECT_EQ(run(model_of("", {constant(one), node("Add", {"x", "w"}, "y"), constant(seven)})),
            (std::vector<float>{10, 3}));
}

// --- what no request can carry -------------------------------------------------------------------

// y is a sequence of float tensors.
std::string sequence_model() {
  std::string element;
  append_varint_field(element, 1, 1);
  std::string inner;
  append_bytes_field(inner, 1, bytes_of(element));
  std::string sequence;
  append_bytes_field(sequence, 1, bytes_of(inner));
  std::string type;
  append_bytes_field(type, 4, bytes_of(sequence));
  std::string info;
  append_bytes_field(info, 1, bytes_of("y"));
  append_bytes_field(info, 2, bytes_of(type));
  std::string graph;
  append_bytes_field(graph, 1, bytes_of(node("SequenceConstruct", {"x", "x"}, "y")));
  append_bytes_field(graph, 11, bytes_of(testing::value_info("x")));
  append_bytes_field(graph, 12, bytes_of(info));
  std::string text;
  append_bytes_field(text, 7, bytes_of(graph));
  append_bytes_field(text, 8, bytes_of(opset("", 13)));
  return text;
}

// x is a map from int64 to float.
std::string map_model(const std::string& node_text) {
  std::string value;
  append_varint_field(value, 1, 1);  // FLOAT
  std::string value_type;
  append_bytes_field(value_type, 1, bytes_of(value));
  std::string map;
  append_varint_field(map, 1, 7);  // INT64
  append_bytes_field(map, 2, bytes_of(value_type));
  std::string type;
  append_bytes_field(type, 5, bytes_of(map));
  std::string info;
  append_bytes_field(info, 1, bytes_of("x"));
  append_bytes_field(info, 2, bytes_of(type));
  std::string graph;
  append_bytes_field(graph, 1, bytes_of(node_text));
  append_bytes_field(graph, 11, bytes_of(info));
  append_bytes_field(graph, 12, bytes_of(testing::value_info("y")));
  std::string text;
  append_bytes_field(text, 7, bytes_of(graph));
  append_bytes_field(text, 8, bytes_of(opset("", 13)));
  append_bytes_field(text, 8, bytes_of(opset("ai.onnx.ml", 1)));
  return text;
}

NamedTensor int64s(const std::vector<std::int64_t>& values) {
  NamedTensor tensor;
  tensor.datatype = DataType::int64;
  tensor.shape = {static_cast<std::int64_t>(values.size())};
  tensor.data = Buffer::copy_of(std::as_bytes(std::span(values)));
  return tensor;
}

TEST(Forms, OfMapsAreTwoTensors) {
  const auto session = load(map_model(with_domain(node("CastMap", {"x"}, "y"), "ai.onnx.ml")));
  ASSERT_TRUE(session) << session.error().detail;
  const std::vector<ValueInfo> inputs{
      {.name = "x.keys", .datatype = DataType::int64, .shape = {-1}},
      {.name = "x.values", .datatype = DataType::float32, .shape = {-1}}};
  EXPECT_EQ((*session)->info().inputs, inputs);
  EXPECT_EQ((*session)->input_form(0).form, Form::map_keys);
  EXPECT_EQ((*session)->input_form(1).form, Form::map_values);
  EXPECT_FALSE((*session)->rows_independent()) << "entries of a map are no rows";
  const std::vector<float> numbers{3, -4};
  NamedTensor values = int64s({});
  values.datatype = DataType::float32;
  values.shape = {2};
  values.data = Buffer::copy_of(std::as_bytes(std::span(numbers)));
  const auto run_on = [&](const std::vector<std::int64_t>& keys) {
    return model::run_tensors(
        *(*session)->new_execution(), (*session)->info(), {int64s(keys), values}, {0});
  };
  const auto got = run_on({9, 2});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->front().shape, (Shape{1, 2}));
  float sorted[2] = {};
  std::memcpy(sorted, got->front().data.data(), sizeof sorted);
  EXPECT_EQ(sorted[0], -4);
  EXPECT_EQ(sorted[1], 3);
  EXPECT_EQ(run_on({1, 2, 3}).error().detail, "input 'x.values': 2 values for 3 keys");
  EXPECT_EQ(run_on({2, 2}).error().detail, "node 'y' (ai.onnx.ml.CastMap): the key 2 comes twice");
}

TEST(Forms, OfMapsAreRefusedWhereAnotherOperatorReadsThem) {
  EXPECT_EQ(refusal(map_model(node("Identity", {"x"}, "y"))),
            "node 'y' (Identity) reads the map 'x', which only CastMap and DictVectorizer do");
  EXPECT_EQ(refusal(model_of("",
                             {with_domain(node("DictVectorizer", {"x"}, "y"), "ai.onnx.ml")},
                             {{"", 13}, {"ai.onnx.ml", 1}})),
            "node 'y' (ai.onnx.ml.DictVectorizer) reads something else than one map");
}

TEST(Forms, OfNoTensorAreRefusedByNameUnlessTheCallerTakesThem) {
  EXPECT_EQ(
      refusal(sequence_model()),
      "output 'y' is a sequence, which no request can carry: requests and answers have tensors");
  const auto session = load(sequence_model(), true);
  ASSERT_TRUE(session) << session.error().detail;
  EXPECT_EQ((*session)->output_form(0).form, Form::sequence);
  const float zeros[2] = {};
  model::RecordedValue x{.kind = model::RecordedValue::Kind::tensor};
  x.items.push_back({.name = "x",
                     .datatype = DataType::float32,
                     .shape = {2},
                     .data = Buffer::copy_of(std::as_bytes(std::span(zeros)))});
  const auto got = model::run_values(*(*session)->new_execution(), {x}, {0});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->front().kind, model::RecordedValue::Kind::sequence);
  EXPECT_EQ(got->front().items.size(), 2U);
}

}  // namespace
}  // namespace sluice::engine
