// Models that the fuzz targets have made (tests/fuzz/engine) and that broke something once.

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

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

}  // namespace
}  // namespace sluice::engine
