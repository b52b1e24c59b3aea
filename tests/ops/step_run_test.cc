// run/node_run.cc, values/tensor.cc: memory that a step uses again, and memory that it must not.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/engine/plan/plan.h"
#include "worker/engine/run/node_run.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

TEST(Tensor, IsRemadeInItsOwnMemoryWhereThatFits) {
  Tensor tensor = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const void* const place = tensor.view().data;
  ASSERT_TRUE(tensor.remake(DataType::int16, Shape{5}));
  EXPECT_EQ(tensor.view().data, place);
  EXPECT_EQ(tensor.datatype(), DataType::int16);
  EXPECT_EQ(tensor.dims(), Shape{5});
  EXPECT_EQ(tensor.count(), 5);
  ASSERT_TRUE(tensor.remake(DataType::float32, Shape{6}));
  EXPECT_EQ(tensor.view().data, place);
  ASSERT_TRUE(tensor.remake(DataType::float32, Shape{0, 7}));
  EXPECT_EQ(tensor.count(), 0);
  // More than there is room for, which all of its elements can be written to.
  ASSERT_TRUE(tensor.remake(DataType::float32, Shape{100'000}));
  TensorView view = tensor.view();
  std::ranges::fill(view.mut<float>(), 1.0F);
  EXPECT_EQ(tensor.view().count, 100'000);
}

TEST(Tensor, DoesNotKeepMuchMoreMemoryThanItUses) {
  auto made = Tensor::create(DataType::uint8, {1'000'000});
  ASSERT_TRUE(made);
  auto budget = make_budget(1'200'000);
  const MemoryLimit limit(budget);
  Tensor& tensor = *made;
  ASSERT_TRUE(tensor.remake(DataType::uint8, Shape{1'100'000}));
  EXPECT_EQ(budget->in_use, 1'100'000U);
  ASSERT_TRUE(tensor.remake(DataType::uint8, Shape{600'000}));
  EXPECT_EQ(budget->in_use, 1'100'000U);
  ASSERT_TRUE(tensor.remake(DataType::uint8, Shape{500'000}));
  EXPECT_EQ(budget->in_use, 500'000U);
  EXPECT_FALSE(tensor.remake(DataType::uint8, Shape{1'300'000}));
  EXPECT_EQ(budget->in_use, 0U);
}

TEST(Tensor, OfStringsIsRemadeEmpty) {
  Tensor tensor = Tensor::of<std::string>({2}, {"a", "b"});
  ASSERT_TRUE(tensor.remake(DataType::string, Shape{1}));
  EXPECT_EQ(tensor.view().as<std::string>()[0], "");
  ASSERT_TRUE(tensor.remake(DataType::int64, Shape{1}));
  EXPECT_EQ(tensor.datatype(), DataType::int64);
}

// The only step of a graph.
class OneStep {
 public:
  explicit OneStep(GraphCase& graph) {
    register_all(registry_);
    auto model = graph.model();
    SLUICE_CHECK(model.has_value());
    auto plan = build_plan(*std::move(model), registry_, {});
    SLUICE_CHECK(plan.has_value() && plan->steps.size() == 1);
    plan_ = *std::move(plan);
  }
  [[nodiscard]] const Step& step() const { return plan_->steps[0]; }

 private:
  Registry registry_;
  std::optional<Plan> plan_;
};

TEST(StepRun, UsesMemoryAgainThatNobodyHolds) {
  GraphCase graph;
  graph.open_input("x", floats({3}, {1, 2, 3}));
  graph.open_input("n", int64s({2}, {2, 3})).node("Expand", {"x", "n"}, {"y"}).output("y");
  const OneStep one(graph);
  StepRun run(one.step());
  const auto expand = [&](std::vector<float> x, std::int64_t rows) {
    const auto width = static_cast<std::int64_t>(x.size());
    const Tensor from = Tensor::of<float>({width}, std::move(x));
    const Tensor dims = Tensor::of<std::int64_t>({2}, {rows, width});
    const std::vector<TensorView> inputs{from.view(), dims.view()};
    const auto outputs = run.run(inputs);
    SLUICE_CHECK(outputs.has_value() && (*outputs)->size() == 1);
    return (**outputs)[0];
  };
  const auto values = [](const Tensor& tensor) {
    const auto seen = tensor.view().as<float>();
    return std::vector<float>(seen.begin(), seen.end());
  };
  const auto held = expand({1, 2}, 2);
  auto other = expand({3, 4, 5}, 1);
  EXPECT_NE(held->view().data, other->view().data);
  EXPECT_EQ(values(*held), (std::vector<float>{1, 2, 1, 2}));
  EXPECT_EQ(held->dims(), (Shape{2, 2}));
  const Tensor* const place = other.get();
  other.reset();
  other = expand({6}, 2);
  EXPECT_EQ(other.get(), place);
  EXPECT_EQ(other->dims(), (Shape{2, 1}));
  EXPECT_EQ(values(*other), (std::vector<float>{6, 6}));
  EXPECT_EQ(values(*held), (std::vector<float>{1, 2, 1, 2}));
}

TEST(StepRun, BindsAPreparedKernelAnewForOtherDims) {
  GraphCase graph;
  graph.open_input("x", random_floats({1, 3, 8, 8}, 1));
  graph.constant("w", random_floats({4, 3, 3, 3}, 2)).node("Conv", {"x", "w"}, {"y"}).output("y");
  const OneStep one(graph);
  StepRun run(one.step());
  // Of the weights nothing is left but their datatype and dims: the step has packed them.
  const Shape dims{4, 3, 3, 3};
  const TensorView w{.datatype = DataType::float32, .dims = dims, .count = 4 * 3 * 3 * 3};
  const auto convolve = [&](std::int64_t size, StepRun& by) {
    const Shape image{1, 3, size, size};
    const Tensor x =
        Tensor::of<float>(image, floats_of(random_floats(image, static_cast<std::uint32_t>(size))));
    const std::vector<TensorView> inputs{x.view(), w};
    const auto outputs = by.run(inputs);
    SLUICE_CHECK(outputs.has_value());
    const auto seen = (**outputs)[0]->view().as<float>();
    return std::vector<float>(seen.begin(), seen.end());
  };
  for (const std::int64_t size : {8, 5, 9, 9, 3, 8}) {
    StepRun fresh(one.step());
    EXPECT_EQ(convolve(size, run), convolve(size, fresh)) << size;
  }
}

// What a turn has made is still there when the next turns have run: as a carried value, as one of
// many, and in a sequence.
TEST(StepRun, LeavesWhatALoopHasCollected) {
  GraphCase body;
  body.inner_input("i").inner_input("go").inner_input("before");
  body.node("Identity", {"go"}, {"on"});
  body.constant("one", int64s({1}, {1})).constant("zero", int64s({1}, {0}));
  body.node("Reshape", {"i", "one"}, {"from"}).node("Add", {"from", "one"}, {"to"});
  body.node("Slice", {"x", "from", "to", "zero"}, {"row"});  // dynamic, of the same dims each turn
  body.node("Add", {"row", "before"}, {"sum"});
  for (const char* const name : {"on", "sum", "row", "sum2"}) {
    if (std::string(name) == "sum2") {
      body.node("Identity", {"sum"}, {"sum2"});
    }
    body.output(name);
  }
  GraphCase graph;
  graph.open_input("x", floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  graph.constant("turns", int64s({}, {3})).constant("start", floats({1, 2}, {0, 0}));
  graph.node("Loop", {"turns", "", "start"}, {"last", "rows", "sums"}, {body.as_attribute("body")});
  graph.output("last").output("rows").output("sums");
  const auto got = graph.run();
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(floats_of((*got)[0]), (std::vector<float>{9, 12}));
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(floats_of((*got)[2]), (std::vector<float>{1, 2, 4, 6, 9, 12}));
}

}  // namespace
}  // namespace sluice::engine
