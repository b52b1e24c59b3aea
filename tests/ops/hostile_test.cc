// Models that the fuzz targets have made (tests/fuzz/engine) and that broke something once.

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

TEST(HostileModels, ALoopMayCarryAnInputThatIsLeftOut) {
  GraphCase body;
  body.inner_input("turn").inner_input("goes").inner_input("carried");
  body.node("Identity", {"goes"}, {"on"}).node("Neg", {"carried"}, {"next"});
  body.output("on").output("next");
  GraphCase graph;
  graph.input("turns", int64s({}, {1})).input("goes", bools({}, {1}));
  graph.node("Loop", {"turns", "goes", ""}, {"y"}, {body.as_attribute("body")}).output("y");
  EXPECT_NE(error_of(graph.run()), "no error");
}

TEST(HostileModels, AReductionOfNothingLooksAtNoMemory) {
  const auto got = run_op("ReduceMin", {int64s({3, 0}, {}), int64s({1}, {1})}, {}, 18);
  EXPECT_EQ(mismatch(got, int64s({3, 1}, std::vector<std::int64_t>(3, INT64_MAX))), "");
}

TEST(HostileModels, PlacesOfAWindowAreCountedBeforeTheyAreListed) {
  GraphCase graph(12);
  graph.input("x", uint8s({1, 1, 1}, {1}));
  graph.node("MaxPool",
             {"x"},
             {"y"},
             {integers("kernel_shape", {1}), integers("pads", {std::int64_t{1} << 30, 0})});
  graph.output("y");
  const auto session = graph.load({.memory_bytes = 1 << 20});
  ASSERT_TRUE(session);
  EXPECT_NE(
      error_of(model::run_tensors(
                   *(*session)->new_execution(), (*session)->info(), {uint8s({1, 1, 1}, {1})}, {0}))
          .find("(MaxPool): the places of its window need "),
      std::string::npos);
}

TEST(HostileModels, AFilterOverMoreThanTheInputIsRefused) {
  const auto got = run_op("Resize",
                          {floats({2}, {1, 2}), floats({2}, {0, 4e30F}), floats({1}, {1e-30F})},
                          {text("mode", "linear"),
                           text("coordinate_transformation_mode", "tf_crop_and_resize"),
                           integer("antialias", 1)},
                          18);
  EXPECT_NE(error_of(got).find("a filter over "), std::string::npos) << error_of(got);
}

TEST(HostileModels, StringsBehindAPoolKeepTheirOrder) {
  GraphCase graph(18);
  graph.input("x", floats({1, 2, 2, 1}, {1, 2, 3, 4})).input("words", strings({1}, {"other"}));
  graph.node("AveragePool", {"x"}, {"pooled"}, {integers("kernel_shape", {1, 1})});
  graph.node("Cast", {"pooled"}, {"text"}, {integer("to", 8)}).output("text");
  graph.node("Cast", {"pooled"}, {"truth"}, {integer("to", 9)});
  graph.node("Where", {"truth", "text", "words"}, {"chosen"}).output("chosen");
  const auto got = graph.run();
  const NamedTensor want = strings({1, 2, 2, 1}, {"1.0", "2.0", "3.0", "4.0"});
  EXPECT_EQ(mismatch(got, want), "");
  EXPECT_EQ(mismatch_at(got, 1, want), "");
}

TEST(HostileModels, AStepMayLeadAnywhere) {
  const auto got = run_op("Slice",
                          {floats({2, 3}, {1, 2, 3, 4, 5, 6}),
                           int64s({1}, {1}),
                           int64s({1}, {9}),
                           int64s({1}, {0}),
                           int64s({1}, {INT64_MAX})});
  EXPECT_EQ(mismatch(got, floats({1, 3}, {4, 5, 6})), "");
}

TEST(HostileModels, IntegersWrapInPRelu) {
  const NamedTensor lowest = int64s({1}, {INT64_MIN});
  EXPECT_EQ(mismatch(run_op("PRelu", {lowest, lowest}), int64s({1}, {0})), "");
}

TEST(HostileModels, NothingMayBeSplit) {
  const auto got = run_op("Split", {floats({2, 4, 0}, {})}, {integer("axis", 1)}, 13, 2);
  EXPECT_EQ(mismatch(got, floats({2, 2, 0}, {})), "");
  EXPECT_EQ(mismatch_at(got, 1, floats({2, 2, 0}, {})), "");
}

TEST(HostileModels, GroupsAreNoMoreThanThereAreChannels) {
  constexpr std::int64_t kMany = std::int64_t{1} << 62;
  const NamedTensor x = floats({1, 1, 1, 1}, {1});
  const NamedTensor w = floats({2, 2, 1, 1}, {1, 1, 1, 1});
  const NamedTensor nothing = floats({1, 0, 1, 1}, {});
  const std::vector<Attribute> groups{integer("group", kMany)};
  const std::string refused = "in 4611686018427387904 groups";
  EXPECT_NE(error_of(run_op("Conv", {x, w}, groups)).find(refused), std::string::npos);
  EXPECT_NE(error_of(run_op("ConvInteger",
                            {uint8s({1, 1, 1, 1}, {1}), uint8s({2, 2, 1, 1}, {1, 1, 1, 1})},
                            groups))
                .find(refused),
            std::string::npos);
  for (const char* const op : {"Conv", "ConvInteger"}) {  // weights that would be packed
    const bool bytes = std::string(op) == "ConvInteger";
    GraphCase graph;
    graph.input("x", bytes ? uint8s({1, 1, 1, 1}, {1}) : x);
    graph.constant("w", bytes ? uint8s({2, 1, 1, 1}, {1, 1}) : w)
        .node(op, {"x", "w"}, {"y"}, groups);
    EXPECT_NE(error_of(graph.output("y").run()).find(refused), std::string::npos) << op;
  }
  EXPECT_NE(error_of(run_op("DeformConv", {x, w, x}, groups, 19)).find(refused), std::string::npos);
  EXPECT_NE(
      error_of(run_op("DeformConv", {nothing, nothing, x}, {integer("offset_group", kMany)}, 19)),
      "no error");
  EXPECT_NE(error_of(run_op("ConvTranspose", {nothing, floats({0, 2, 1, 1}, {})}, groups))
                .find("more filters than int64 counts"),
            std::string::npos);
}

TEST(HostileModels, NothingsMayBeTooManyToJoin) {
  const NamedTensor nothing = floats({std::int64_t{1} << 62, 0}, {});
  EXPECT_NE(error_of(run_op("Concat", {nothing, nothing}, {integer("axis", 0)}))
                .find("longer than int64 counts"),
            std::string::npos);
}

TEST(HostileModels, APadMayTakeEverythingAway) {
  const auto got = run_op("Pad", {floats({2, 3}, {1, 2, 3, 4, 5, 6}), int64s({4}, {0, -1, 0, -2})});
  EXPECT_EQ(mismatch(got, floats({2, 0}, {})), "");
}

}  // namespace
}  // namespace sluice::engine
