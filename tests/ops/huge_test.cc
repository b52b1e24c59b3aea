// Results whose dims are numbers of the request or of the model: a number that no memory has room
// for is an error before anything is allocated.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/model/engine_run.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr std::int64_t kHuge = std::int64_t{1} << 40;
constexpr std::int64_t kRoot = std::int64_t{1} << 20;
constexpr std::int64_t kHalf = std::int64_t{1}
                               << 31;  // squared: elements can be counted, bytes not

struct Case {
  std::string op;
  std::vector<NamedTensor> inputs;  // an empty datatype leaves one out
  std::vector<Attribute> attributes{};
  int opset = 22;
};

std::vector<Case> cases() {
  const auto shape = [](std::vector<std::int64_t> dims) {
    const auto rank = static_cast<std::int64_t>(dims.size());
    return int64s({rank}, dims);
  };
  const NamedTensor one = floats({1}, {1});
  const NamedTensor words = strings({1}, {"a"});
  const NamedTensor size = int64s({}, {kHuge});
  return {
      {"HannWindow", {size}},
      {"HammingWindow", {size}},
      {"BlackmanWindow", {size}, {integer("output_datatype", 3)}},  // int8
      {"Range", {int64s({}, {0}), size, int64s({}, {1})}},
      {"Range", {floats({}, {0}), floats({}, {1}), floats({}, {1e-12F})}},
      {"Range", {floats({}, {0}), floats({}, {1}), floats({}, {1e-30F})}},
      {"ConstantOfShape", {shape({kHuge})}},
      {"ConstantOfShape", {shape({kRoot, kRoot})}},
      {"ConstantOfShape", {shape({kHuge, kHuge})}},
      {"ConstantOfShape", {shape({kHuge, kHuge, kHuge, 0})}},
      {"Expand", {one, shape({kHuge})}},
      {"Expand", {one, shape({kRoot, kRoot})}},
      {"Expand", {one, shape({kHalf, kHalf})}},
      {"Expand", {words, shape({kHuge})}},
      {"Expand", {words, shape({kHalf, kHalf})}},
      {"Tile", {words, shape({kHuge})}},
      {"ConstantOfShape", {shape({kHalf, kHalf})}},
      {"Tile", {one, shape({kHuge})}},
      {"OneHot", {int64s({1}, {0}), size, floats({2}, {0, 1})}},
      {"Pad", {one, shape({0, kHuge})}},
      {"Pad", {one, shape({kHuge, kHuge})}},
      {"Resize", {one, {}, {}, shape({kHuge})}},
      {"Resize", {one, {}, floats({1}, {1e12F})}},
      {"CenterCropPad", {one, shape({kHuge})}},
      {"DFT", {floats({1, 1, 1}, {1}), size}},
      {"MelWeightMatrix",
       {int64s({}, {16}), size, int64s({}, {8'000}), floats({}, {0}), floats({}, {4'000})}},
      {"RandomUniform", {}, {integers("shape", {kHuge})}},
      {"RandomNormal", {}, {integers("shape", {kRoot, kRoot})}},
      {"Multinomial", {floats({1, 2}, {0, 0})}, {integer("sample_size", kHuge)}},
  };
}

// The node's inputs given by the request, or constants; its result answered, or only added up.
Result<std::vector<NamedTensor>> answer(const Case& huge, bool constants, bool summed) {
  GraphCase graph(huge.opset);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < huge.inputs.size(); ++i) {
    const bool given = huge.inputs[i].datatype != DataType::undefined;
    names.push_back(given ? "input" + std::to_string(i) : "");
    if (given && constants) {
      graph.constant(names.back(), huge.inputs[i]);
    } else if (given) {
      graph.input(names.back(), huge.inputs[i]);
    }
  }
  graph.input("other", floats({1}, {1})).node("Neg", {"other"}, {"away"});
  graph.node(huge.op, names, {"big"}, huge.attributes);
  if (summed) {
    const bool words = !huge.inputs.empty() && huge.inputs[0].datatype == DataType::string;
    if (words) {
      graph.node("Equal", {"big", "big"}, {"same"});
    }
    graph.node("Cast", {words ? "same" : "big"}, {"real"}, {integer("to", 1)});
    graph.node("ReduceSum", {"real"}, {"sum"}).output("sum");
  } else {
    graph.output("big");
  }
  return graph.run();
}

TEST(HugeResults, AreRefusedBeforeTheyAreAllocated) {
  const std::vector<Case> all = cases();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const bool constants : {false, true}) {
      for (const bool summed : {false, true}) {
        const std::string which = all[i].op + ", case " + std::to_string(i) +
                                  (constants ? ", constants" : "") + (summed ? ", summed" : "");
        const auto got = answer(all[i], constants, summed);
        if (got) {
          // Only what has no elements after all.
          EXPECT_TRUE(got->front().data.size() <= sizeof(float)) << which;
          continue;
        }
        // What is said where an allocation failed.
        EXPECT_NE(got.error().detail, "no memory for this request") << which;
        EXPECT_TRUE(got.error().code == ErrorCode::resource_exhausted ||
                    got.error().code == ErrorCode::invalid_argument)
            << which << ": " << got.error().detail;
      }
    }
  }
}

TEST(MemoryLimit, HoldsForTheWeightsAndForWhatARunMakes) {
  constexpr std::int64_t kCount = 1 << 19;  // of floats: 2 MB
  const PlanOptions little{.memory_bytes = 1 << 20};
  GraphCase weights;
  weights.input("x", floats({1}, {1})).constant("w", random_floats({kCount}, 1));
  weights.node("Add", {"x", "w"}, {"y"}).output("y");
  const auto refused = weights.load(little);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "the weights need 2 MB of memory, 1 MB are allowed");
  EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(weights.load());  // the next one has what there is

  GraphCase results;
  results.input("x", floats({1}, {1})).constant("shape", int64s({1}, {kCount}));
  results.node("Expand", {"x", "shape"}, {"y"}).output("y");
  const auto session = results.load(little);
  ASSERT_TRUE(session);
  const auto answered =
      model::run_tensors(*(*session)->new_execution(), (*session)->info(), {floats({1}, {1})}, {0});
  EXPECT_EQ(error_of(answered), "outputs of these shapes need 2 MB of memory, 1 MB are allowed");
}

TEST(MemoryLimit, BoundsTheSumOfWhatIsHeld) {
  constexpr std::size_t kMiB = 1 << 20;
  const auto budget = make_budget(4 * kMiB);
  const MemoryLimit limit(budget);
  const auto megabytes = [](std::int64_t count) {
    return Tensor::create(DataType::uint8, {count * static_cast<std::int64_t>(kMiB)});
  };
  auto first = megabytes(3);
  ASSERT_TRUE(first);
  const auto second = megabytes(2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail,
            "a tensor of shape [2097152]: its elements need 2 MB of memory, 4 MB are allowed, of "
            "which 3 MB are in use");
  EXPECT_TRUE(megabytes(1));
  EXPECT_EQ(budget->in_use, 3 * kMiB) << "the one that is gone has given its own back";
  Tensor moved = *std::move(first);
  EXPECT_EQ(budget->in_use, 3 * kMiB);
  moved = *megabytes(1);
  EXPECT_EQ(budget->in_use, kMiB);
  {
    const MemoryLimit none(0);
    EXPECT_TRUE(megabytes(8));
  }
  EXPECT_EQ(budget->in_use, kMiB);
}

// Two weights, or two executions, that fit alone and not together.
TEST(MemoryLimit, HoldsForAllThatASessionHas) {
  constexpr std::int64_t kSide = 512;  // 1 MB of floats a matrix
  const PlanOptions two{.memory_bytes = 5 << 19};
  GraphCase graph;
  graph.input("x", floats({1, kSide}, std::vector<float>(kSide, 1)));
  graph.constant("a", random_floats({kSide, kSide}, 1));
  graph.node("MatMul", {"x", "a"}, {"xa"});
  graph.node("MatMul", {"xa", "a"}, {"xaa"});
  graph.node("MatMul", {"xaa", "a"}, {"y"}).output("y");
  const auto refused = graph.load(two);  // packed three times
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("(MatMul): its packed weights need 1 MB of memory, 2 MB "
                                        "are allowed, of which "),
            std::string::npos)
      << refused.error().detail;

  GraphCase results;
  results.open_input("x", floats({1 << 18}, std::vector<float>(1 << 18, 1)));
  results.node("Relu", {"x"}, {"r"}).node("ReduceSum", {"r"}, {"y"}).output("y");
  const auto session = results.load(two);
  ASSERT_TRUE(session);
  const auto run_on = [&](Execution& execution, std::int64_t count) {
    return model::run_tensors(
        execution,
        (*session)->info(),
        {floats({count}, std::vector<float>(static_cast<std::size_t>(count), 1))},
        {0});
  };
  const auto first = (*session)->new_execution();
  const auto second = (*session)->new_execution();
  EXPECT_TRUE(run_on(*first, 1 << 18));
  EXPECT_TRUE(run_on(*second, 1 << 18));
  const auto third = (*session)->new_execution();
  EXPECT_NE(error_of(run_on(*third, 1 << 18))
                .find("node 'Relu_0' (Relu): intermediate results of these shapes need 1 MB of "
                      "memory, 2 MB are allowed, of which 2 MB are in use"),
            std::string::npos)
      << error_of(run_on(*third, 1 << 18));
  EXPECT_NE(error_of(run_on(*second, 1 << 19)), "no error");
  EXPECT_TRUE(run_on(*second, 1 << 18)) << "an arena that could not grow is as it was";
}

}  // namespace
}  // namespace sluice::engine
