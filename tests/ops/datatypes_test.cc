// Every operator meets every datatype that a model can have: it takes it or refuses it in words.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr std::array kDatatypes{
    DataType::boolean,    DataType::uint8,         DataType::uint16,
    DataType::uint32,     DataType::uint64,        DataType::int8,
    DataType::int16,      DataType::int32,         DataType::int64,
    DataType::float16,    DataType::bfloat16,      DataType::float32,
    DataType::float64,    DataType::string,        DataType::uint4,
    DataType::int4,       DataType::float8e4m3fn,  DataType::float8e4m3fnuz,
    DataType::float8e5m2, DataType::float8e5m2fnuz};

// Those that need no attribute.
constexpr std::array kOperators{"Abs",
                                "Acos",
                                "Add",
                                "And",
                                "ArgMax",
                                "ArgMin",
                                "Atan",
                                "BitwiseAnd",
                                "BitwiseNot",
                                "Ceil",
                                "Celu",
                                "Clip",
                                "Compress",
                                "CumSum",
                                "Det",
                                "Div",
                                "Dropout",
                                "DynamicQuantizeLinear",
                                "Elu",
                                "Equal",
                                "Erf",
                                "Exp",
                                "Expand",
                                "EyeLike",
                                "Flatten",
                                "Floor",
                                "Gather",
                                "GatherElements",
                                "GatherND",
                                "Gelu",
                                "Gemm",
                                "GlobalAveragePool",
                                "GlobalMaxPool",
                                "Greater",
                                "HardSwish",
                                "Hardmax",
                                "Identity",
                                "IsInf",
                                "IsNaN",
                                "LayerNormalization",
                                "LeakyRelu",
                                "Less",
                                "LogSoftmax",
                                "LpNormalization",
                                "MatMul",
                                "MatMulInteger",
                                "Max",
                                "Mean",
                                "MeanVarianceNormalization",
                                "Min",
                                "Mish",
                                "Mod",
                                "Mul",
                                "Neg",
                                "NonZero",
                                "Not",
                                "OneHot",
                                "Or",
                                "PRelu",
                                "Pad",
                                "Pow",
                                "QuantizeLinear",
                                "DequantizeLinear",
                                "Range",
                                "Reciprocal",
                                "ReduceL1",
                                "ReduceMax",
                                "ReduceMean",
                                "ReduceProd",
                                "ReduceSum",
                                "ReduceSumSquare",
                                "Relu",
                                "Reshape",
                                "Resize",
                                "ReverseSequence",
                                "Round",
                                "ScatterElements",
                                "ScatterND",
                                "Selu",
                                "Shape",
                                "Sigmoid",
                                "Sign",
                                "Sin",
                                "Size",
                                "Slice",
                                "Softmax",
                                "Softplus",
                                "Split",
                                "Sqrt",
                                "Squeeze",
                                "Sub",
                                "Sum",
                                "Swish",
                                "Tile",
                                "TopK",
                                "Transpose",
                                "Trilu",
                                "Unique",
                                "Unsqueeze",
                                "Where",
                                "Xor"};

NamedTensor zeros(DataType datatype) {
  if (datatype == DataType::string) {
    return strings({2, 2}, {"0", "0", "0", "0"});
  }
  const std::vector<std::byte> bytes(4 * element_size(datatype));
  return {.name = "", .datatype = datatype, .shape = {2, 2}, .data = Buffer::copy_of(bytes)};
}

TEST(Datatypes, AreTakenOrRefusedByEveryOperator) {
  for (const char* op : kOperators) {
    for (const DataType datatype : kDatatypes) {
      for (std::size_t count = 1; count <= 3; ++count) {
        for (const bool second_integer : {false, true}) {
          std::vector<NamedTensor> inputs(count, zeros(datatype));
          for (std::size_t i = 1; second_integer && i < count; ++i) {
            inputs[i] = int64s({2}, {1, 1});
          }
          const auto got = run_op(op, inputs, {}, 24);
          EXPECT_TRUE(got || !error_of(got).empty()) << op;  // that it comes back at all
        }
      }
    }
  }
}

// What was taken for a number once, since it is neither a string nor a bool nor 16 bits wide.
TEST(Datatypes, OfStorageAloneAreNoOperands) {
  for (const char* op : {"Abs", "Add", "ReduceMax", "EyeLike", "NonZero", "TopK", "Neg", "Less"}) {
    for (const DataType datatype : {DataType::float8e4m3fn, DataType::int4, DataType::uint4}) {
      std::vector<NamedTensor> inputs{zeros(datatype)};
      if (std::string(op) == "Add" || std::string(op) == "Less") {
        inputs.push_back(zeros(datatype));
      } else if (std::string(op) == "TopK") {
        inputs.push_back(int64s({1}, {1}));
      }
      const std::string error = error_of(run_op(op, inputs, {}, 18));
      EXPECT_NE(error.find("datatype " + std::string(name_of(datatype))), std::string::npos)
          << op << ": " << error;
    }
  }
}

}  // namespace
}  // namespace sluice::engine
