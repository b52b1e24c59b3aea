#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/link/infer.h"

namespace sluice {
namespace {

ModelInfo add_model() {
  return {.name = "add",
          .version = 1,
          .platform = "onnx_onnxv1",
          .description = {},
          .inputs = {{"a", DataType::float32, {-1, 4}}, {"b", DataType::float32, {-1, 4}, true}},
          .outputs = {{"sum", DataType::float32, {-1, 4}}}};
}

NamedTensor floats(std::string name, Shape shape, std::size_t bytes) {
  return {std::move(name),
          DataType::float32,
          std::move(shape),
          Buffer::copy_of(std::string(bytes, '\0'))};
}

std::string refusal(InferRequest request) {
  auto result = validate(request, add_model());
  return result ? "accepted"
                : std::string(name_of(result.error().code)) + ": " + result.error().detail;
}

InferRequest with_inputs(std::vector<NamedTensor> inputs) {
  InferRequest request;
  request.model = "add";
  request.inputs = std::move(inputs);
  return request;
}

TEST(Validate, AcceptsWhatFits) {
  EXPECT_EQ(refusal(with_inputs({floats("a", {2, 4}, 32), floats("b", {1, 4}, 16)})), "accepted");
  EXPECT_EQ(refusal(with_inputs({floats("a", {0, 4}, 0)})), "accepted");  // b has a default
}

TEST(Validate, UnnamedInputsTakeTheModelsNamesByPosition) {
  InferRequest request = with_inputs({floats("", {1, 4}, 16), floats("", {1, 4}, 16)});
  ASSERT_TRUE(validate(request, add_model()));
  EXPECT_EQ(request.inputs[0].name, "a");
  EXPECT_EQ(request.inputs[1].name, "b");
}

TEST(Validate, RefusesInTheCallersWords) {
  const struct {
    InferRequest request;
    std::string expected;
  } rows[] = {
      {with_inputs({}),
       "expected number of inputs between 1 and 2 but got 0 inputs for model 'add'. Got input(s) "
       "[], but missing required input(s) ['a']. Please provide all required input(s)."},
      {with_inputs({floats("x", {1, 4}, 16)}),
       "unexpected inference input 'x' for model 'add', which has 'a', 'b'"},
      {with_inputs({floats("a", {1, 3}, 12)}),
       "unexpected shape for input 'a' for model 'add'. Expected [-1,4], got [1,3]."},
      {with_inputs({floats("a", {4}, 16)}),
       "unexpected shape for input 'a' for model 'add'. Expected [-1,4], got [4]."},
      {with_inputs({floats("a", {1, 4}, 12)}),
       "input byte size mismatch for input 'a' for model 'add'. Expected 16, got 12"},
      {with_inputs({floats("a", {-5, 4}, 16)}), "input 'a': shape [-5,4] has a negative extent"},
      {with_inputs({floats("a", {std::int64_t{1} << 62, 4}, 16)}),
       "input 'a': shape [4611686018427387904,4] has more elements than 64 bits can count"},
      {with_inputs({floats("a", {1, 4}, 16), floats("a", {1, 4}, 16)}), "input 'a' is given twice"},
      {with_inputs({floats("", {1, 4}, 16), floats("", {1, 4}, 16), floats("", {1, 4}, 16)}),
       "expected number of inputs between 1 and 2 but got 3 inputs for model 'add'. It has 'a', "
       "'b'"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(refusal(row.request), "invalid_argument: " + row.expected);
  }
}

TEST(Validate, RefusesAWrongDatatype) {
  InferRequest request = with_inputs({floats("a", {1, 4}, 16)});
  request.inputs[0].datatype = DataType::int32;
  EXPECT_EQ(
      refusal(request),
      "invalid_argument: inference input 'a' data-type is 'INT32', but model 'add' expects 'FP32'");
}

TEST(Validate, RefusesOutputsTheModelDoesNotHave) {
  InferRequest request = with_inputs({floats("a", {1, 4}, 16)});
  request.outputs = {"sum", "sum"};
  EXPECT_EQ(refusal(request), "invalid_argument: output 'sum' already exists in request");
  request.outputs = {"difference"};
  EXPECT_EQ(refusal(request),
            "invalid_argument: unexpected inference output 'difference' for model 'add', which has "
            "'sum'");
}

TEST(Validate, ReadsStringElementsToTheEnd) {
  ModelInfo model = add_model();
  model.inputs = {{"s", DataType::string, {-1}}};
  const auto check = [&](std::string bytes, Shape shape) {
    InferRequest request =
        with_inputs({{"s", DataType::string, std::move(shape), Buffer::copy_of(bytes)}});
    auto result = validate(request, model);
    return result ? std::string("accepted") : result.error().detail;
  };
  EXPECT_EQ(check(std::string("\x02\0\0\0hi\0\0\0\0", 10), {2}), "accepted");
  EXPECT_EQ(check(std::string("\x02\0\0", 3), {1}),
            "input 's': its data ends inside the length of element 0 of 1");
  EXPECT_EQ(check(std::string("\x09\0\0\0hi", 6), {1}),
            "input 's': element 0 claims 9 bytes, 2 are left");
  EXPECT_EQ(check(std::string("\x01\0\0\0hi", 6), {1}),
            "input 's': 1 bytes are left over after its 1 elements");
}

}  // namespace
}  // namespace sluice
