// One execution meets one shape after the other: each answers as if it were the first.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/ops/graph_case.h"
#include "worker/engine/session.h"
#include "worker/model/engine_run.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

// A head's width of attention over a past that grows; what is added to the scores depends on how
// long it is.
GraphCase decoder() {
  GraphCase graph;
  graph.open_input("x", random_floats({1, 1, 8}, 1))
      .open_input("past", random_floats({1, 2, 1, 4}, 2))
      .constant("wq", random_floats({8, 8}, 3))
      .constant("wk", random_floats({8, 8}, 4))
      .constant("wo", random_floats({8, 8}, 5))
      .constant("heads", int64s({4}, {0, 0, 2, 4}))
      .constant("whole", int64s({3}, {0, 0, 8}))
      .constant("two", int64s({}, {2}))
      .constant("zero", int64s({}, {0}))
      .constant("one", int64s({}, {1}))
      .constant("front", int64s({1}, {0}))
      .constant("ones", int64s({3}, {1, 1, 1}))
      .node("MatMul", {"x", "wq"}, {"q0"})
      .node("MatMul", {"x", "wk"}, {"k0"})
      .node("Reshape", {"q0", "heads"}, {"q1"})
      .node("Reshape", {"k0", "heads"}, {"k1"})
      .node("Transpose", {"q1"}, {"q"}, {integers("perm", {0, 2, 1, 3})})
      .node("Transpose", {"k1"}, {"k"}, {integers("perm", {0, 2, 1, 3})})
      .node("Concat", {"past", "k"}, {"present"}, {integer("axis", 2)})
      .node("Shape", {"present"}, {"s"})
      .node("Gather", {"s", "two"}, {"n"}, {integer("axis", 0)})
      .node("Range", {"zero", "n", "one"}, {"places"})
      .node("Cast", {"places"}, {"ramp0"}, {integer("to", 1)})
      .node("Unsqueeze", {"n", "front"}, {"n1"})
      .node("Concat", {"ones", "n1"}, {"mask_shape"}, {integer("axis", 0)})
      .node("Expand", {"ramp0", "mask_shape"}, {"ramp"})
      .node("Transpose", {"present"}, {"kt"}, {integers("perm", {0, 1, 3, 2})})
      .node("MatMul", {"q", "kt"}, {"scores0"})
      .node("Add", {"scores0", "ramp"}, {"scores"})
      .node("Softmax", {"scores"}, {"p"}, {integer("axis", -1)})
      .node("MatMul", {"p", "present"}, {"mixed"})
      .node("Transpose", {"mixed"}, {"back"}, {integers("perm", {0, 2, 1, 3})})
      .node("Reshape", {"back", "whole"}, {"joined"})
      .node("MatMul", {"joined", "wo"}, {"y"})
      .output("y")
      .output("present");
  return graph;
}

std::vector<NamedTensor> decoder_inputs(std::int64_t tokens, std::int64_t past) {
  return {random_floats({1, tokens, 8}, 6), random_floats({1, 2, past, 4}, 7)};
}

// Nothing in front of the addition sees how many rows `side` has; the image may change as well.
GraphCase image_and_rows() {
  GraphCase graph;
  graph.open_input("image", random_floats({1, 3, 8, 8}, 1))
      .open_input("side", random_floats({2, 6}, 2))
      .constant("w", random_floats({5, 3, 3, 3}, 3))
      .constant("m", random_floats({6, 5}, 4))
      .node("Conv", {"image", "w"}, {"c"}, {integers("pads", {1, 1, 1, 1})})
      .node("Relu", {"c"}, {"r"})
      .node("GlobalAveragePool", {"r"}, {"g"})
      .node("Flatten", {"g"}, {"f"})
      .node("MatMul", {"side", "m"}, {"h"})
      .node("Add", {"h", "f"}, {"y"})
      .output("y")
      .output("r");
  return graph;
}

// Which rows are picked follows from how many there are, what comes out has the same dims always.
GraphCase picked_by_count() {
  GraphCase graph;
  graph.open_input("x", random_floats({3, 2}, 1))
      .constant("table", random_floats({9, 4}, 2))
      .constant("three", int64s({1}, {3}))
      .constant("two", int64s({1}, {2}))
      .constant("front", int64s({1}, {0}))
      .node("Shape", {"x"}, {"s"}, {integer("end", 1)})
      .node("Mod", {"s", "three"}, {"start"})
      .node("Add", {"start", "two"}, {"end"})
      .node("Slice", {"table", "start", "end", "front"}, {"y"})
      .node("ReduceSum", {"x"}, {"sum"}, {integer("keepdims", 0)})
      .node("Add", {"y", "sum"}, {"z"})
      .output("z");
  return graph;
}

// As exporters write a squeeze of an extent that may be 1: the branch hangs on the input's shape.
GraphCase squeezed_where_one() {
  GraphCase squeeze(13);
  squeeze.constant("axis", int64s({1}, {1})).node("Squeeze", {"x", "axis"}, {"thin"});
  squeeze.constant("by", floats({}, {10})).node("Add", {"thin", "by"}, {"then"}).output("then");
  GraphCase keep(13);
  keep.node("Identity", {"x"}, {"else"}).output("else");
  GraphCase graph(13);
  graph.open_input("x", random_floats({2, 1, 3, 8}, 1))
      .constant("w", random_floats({4, 3, 1}, 2))
      .constant("first", int64s({}, {1}))
      .constant("rows", int64s({3}, {-1, 3, 4}))
      .node("Shape", {"x"}, {"s"})
      .node("Gather", {"s", "first"}, {"n"}, {integer("axis", 0)})
      .node("Equal", {"n", "first"}, {"one"})
      .node("If",
            {"one"},
            {"z"},
            {squeeze.as_attribute("then_branch"), keep.as_attribute("else_branch")})
      .node("Reshape", {"z", "rows"}, {"r"})
      .node("Conv", {"r", "w"}, {"c"})
      .node("Relu", {"c"}, {"y"})
      .output("y");
  return graph;
}

struct Walk {
  std::string name;
  GraphCase graph;
  std::vector<std::vector<NamedTensor>> inputs{};
};

std::vector<Walk> walks() {
  std::vector<Walk> walks(4);
  walks[0] = {.name = "decoder", .graph = decoder()};
  // Longer, shorter, several tokens at once, and past the shapes that are kept.
  for (const std::int64_t past : {1, 2, 3, 2, 7, 1}) {
    walks[0].inputs.push_back(decoder_inputs(1, past));
  }
  walks[0].inputs.push_back(decoder_inputs(3, 0));
  for (std::int64_t past = 3; past < static_cast<std::int64_t>(limits::kBoundShapes) + 8; ++past) {
    walks[0].inputs.push_back(decoder_inputs(1, past));
  }
  walks[0].inputs.push_back(decoder_inputs(5, 3));
  walks[0].inputs.push_back(decoder_inputs(1, 1));

  walks[1] = {.name = "image and rows", .graph = image_and_rows()};
  for (const auto& [side, rows] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {8, 2}, {8, 1}, {8, 4}, {5, 4}, {16, 4}, {16, 1}, {8, 1}}) {
    walks[1].inputs.push_back({random_floats({1, 3, side, side}, 5), random_floats({rows, 6}, 6)});
  }

  walks[2] = {.name = "picked by count", .graph = picked_by_count()};
  for (const std::int64_t rows : {3, 4, 5, 6, 4, 7, 10}) {
    walks[2].inputs.push_back({random_floats({rows, 2}, 3)});
  }

  walks[3] = {.name = "squeezed", .graph = squeezed_where_one()};
  for (const auto& [middle, last] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1, 8}, {1, 8}, {2, 8}, {1, 8}, {1, 4}, {3, 4}, {3, 8}}) {
    walks[3].inputs.push_back({random_floats({2, middle, 3, last}, 5)});
  }
  return walks;
}

TEST(Rebind, EveryShapeIsAnsweredAsIfItWereTheFirst) {
  for (Walk& walk : walks()) {
    const auto session = walk.graph.load();
    ASSERT_TRUE(session) << walk.name << ": " << session.error().detail;
    const std::size_t outputs = (*session)->info().outputs.size();
    std::vector<std::size_t> wanted(outputs);
    for (std::size_t i = 0; i < outputs; ++i) {
      wanted[i] = i;
    }
    const auto walking = (*session)->new_execution();
    for (std::size_t step = 0; step < walk.inputs.size(); ++step) {
      const std::string where = walk.name + ", step " + std::to_string(step);
      const auto fresh = (*session)->new_execution();
      const auto want = model::run_tensors(*fresh, (*session)->info(), walk.inputs[step], wanted);
      const auto got = model::run_tensors(*walking, (*session)->info(), walk.inputs[step], wanted);
      ASSERT_TRUE(want) << where << ": " << want.error().detail;
      ASSERT_TRUE(got) << where << ": " << got.error().detail;
      for (std::size_t i = 0; i < outputs; ++i) {
        EXPECT_EQ((*got)[i].shape, (*want)[i].shape) << where;
        EXPECT_EQ(floats_of((*got)[i]), floats_of((*want)[i])) << where;
      }
    }
  }
}

// What an output is wanted for does not change what the others are.
TEST(Rebind, OtherOutputsMayBeWantedOfTheNextShape) {
  GraphCase graph = decoder();
  const auto session = graph.load();
  ASSERT_TRUE(session) << session.error().detail;
  const auto walking = (*session)->new_execution();
  const std::vector<std::vector<std::size_t>> wanted{{1}, {0}, {0, 1}, {1, 0}, {0}};
  for (std::size_t step = 0; step < wanted.size(); ++step) {
    const auto inputs = decoder_inputs(1, 1 + static_cast<std::int64_t>(step));
    const auto fresh = (*session)->new_execution();
    const auto want = model::run_tensors(*fresh, (*session)->info(), inputs, wanted[step]);
    const auto got = model::run_tensors(*walking, (*session)->info(), inputs, wanted[step]);
    ASSERT_TRUE(want && got) << step;
    for (std::size_t i = 0; i < wanted[step].size(); ++i) {
      EXPECT_EQ(floats_of((*got)[i]), floats_of((*want)[i])) << step;
    }
  }
}

TEST(Rebind, ABranchThatHangsOnAShapeIsPartOfTheBinding) {
  for (const std::int64_t middle : {1, 2}) {
    GraphCase graph = squeezed_where_one();
    const auto session = graph.load();
    ASSERT_TRUE(session) << session.error().detail;
    const auto execution = (*session)->new_execution();
    const NamedTensor x = random_floats({2, middle, 3, 4}, 5);
    const std::vector<std::size_t> wanted{0};
    const auto got = model::run_tensors(*execution, (*session)->info(), {x}, wanted);
    ASSERT_TRUE(got) << got.error().detail;
    // The convolution takes the Relu and turns its input and output; a step that is bound by
    // itself would have no place in the arena.
    EXPECT_EQ(figures_of(*execution).reorders, 2U) << middle;
    // Plainly: y = max(0, w * x), over the channels.
    const auto in = floats_of(x);
    const auto w = floats_of(random_floats({4, 3, 1}, 2));
    std::vector<float> want;
    for (std::size_t n = 0; n < in.size() / 12; ++n) {
      for (std::size_t m = 0; m < 4; ++m) {
        for (std::size_t i = 0; i < 4; ++i) {
          float sum = 0;
          for (std::size_t c = 0; c < 3; ++c) {
            sum += w[m * 3 + c] * (in[n * 12 + c * 4 + i] + (middle == 1 ? 10.0F : 0.0F));
          }
          want.push_back(std::max(sum, 0.0F));
        }
      }
    }
    EXPECT_EQ(mismatch(got, floats({2 * middle, 4, 4}, want), 1e-5, 1e-6), "") << middle;
  }
}

TEST(Rebind, ABranchReadsWhatAnIdentityStoodFor) {
  for (const bool two : {true, false}) {
    GraphCase negative(17);
    negative.node("Neg", {"t"}, {"a"}).inner_output("a", DataType::float32, {});
    GraphCase doubled(17);
    doubled.node("Add", {"t", "t"}, {"b"}).inner_output("b", DataType::float32, {});
    GraphCase graph(17);
    graph.open_input("x", two ? floats({2}, {1, 2}) : floats({3}, {1, 2, 3}))
        .constant("two", int64s({1}, {2}))
        .node("Identity", {"x"}, {"t"})
        .node("Shape", {"x"}, {"s"})
        .node("Equal", {"s", "two"}, {"is_two"})
        .node("If",
              {"is_two"},
              {"y"},
              {negative.as_attribute("then_branch"), doubled.as_attribute("else_branch")})
        .output("y");
    EXPECT_EQ(mismatch(graph.run(), two ? floats({2}, {-1, -2}) : floats({3}, {2, 4, 6}), 0), "");
  }
}

}  // namespace
}  // namespace sluice::engine
