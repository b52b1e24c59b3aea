// Convolutions by Winograd's method (worker/ops/nn/conv_winograd.h) against sums in double.

#include "worker/ops/nn/conv_winograd.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/engine/machine/parallel.h"
#include "worker/model/engine_run.h"
#include "worker/ops/nn/conv_direct.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

struct Image {
  Shape dims;
  std::vector<float> values;

  Image(Shape given, std::uint32_t seed) : dims(std::move(given)) {
    values = floats_of(random_floats(dims, seed));
  }
  TensorView view() {
    TensorView view;
    view.datatype = DataType::float32;
    view.dims = dims;
    view.data = values.data();
    view.count = std::ssize(values);
    view.layout = dims.size() == 4 ? Layout::channels_last : Layout::plain;
    return view;
  }
};

Window window_of(const Shape& x, const Shape& pads) {
  return {.kernel = {3, 3},
          .strides = {1, 1},
          .dilations = {1, 1},
          .pads_begin = {pads[0], pads[1]},
          .pads_end = {pads[2], pads[3]},
          .out = {x[2] + pads[0] + pads[2] - 2, x[3] + pads[1] + pads[3] - 2}};
}

struct Given {
  Shape x;
  std::int64_t filters;
  Shape pads;
};

// The largest difference, as a part of the largest result.
double error_of_sums(const Given& given) {
  Image x(given.x, 1);
  Image weights({given.filters, given.x[1], 3, 3}, 2);
  Image bias({given.filters}, 3);
  const Window window = window_of(given.x, given.pads);
  Image y({given.x[0], given.filters, window.out[0], window.out[1]}, 4);
  Image want = y;
  TensorView w = weights.view();
  w.layout = Layout::plain;
  const ConvWinograd conv(w);
  const ConvWinograd::Blocks blocks = conv.blocks_for(y.dims, team_size());
  MutableBuffer scratch(conv.scratch_size(blocks));
  TensorView result = y.view();
  conv.run(x.view(), bias.values.data(), false, window, {}, blocks, scratch.bytes().data(), result);
  TensorView expected = want.view();
  conv_direct(x.view(), w, bias.values.data(), window, 1, expected);
  double largest = 0;
  double worst = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(want.values[i])));
    worst = std::max(worst, std::abs(static_cast<double>(want.values[i] - y.values[i])));
  }
  return worst / largest;
}

constexpr double kError = 5e-6;  // without fused multiply-add; about 3e-6 with it

TEST(ConvWinograd, AgreesWithSumsInDoubleForAllSmallImages) {
  for (std::int64_t height = 1; height <= 9; ++height) {
    for (std::int64_t width = 1; width <= 9; ++width) {
      for (const std::int64_t channels : {1, 3, 17, 64}) {
        const Given given{{2, channels, height, width}, 18, {1, 1, 1, 1}};
        EXPECT_LT(error_of_sums(given), kError) << to_string(given.x);
      }
    }
  }
}

TEST(ConvWinograd, AgreesWithSumsInDoubleForOddChannelsAndPads) {
  const Given cases[] = {{{1, 64, 30, 31}, 1, {1, 1, 1, 1}},
                         {{1, 3, 7, 5}, 64, {0, 0, 0, 0}},
                         {{3, 17, 3, 3}, 3, {0, 0, 0, 0}},
                         {{1, 17, 6, 11}, 17, {2, 0, 1, 2}},
                         {{1, 5, 1, 1}, 7, {2, 2, 2, 2}},  // results of padding alone
                         {{1, 1, 12, 4}, 1, {0, 3, 0, 0}},
                         {{2, 300, 9, 10}, 65, {1, 1, 1, 1}},  // two blocks of channels
                         {{1, 64, 45, 43}, 129, {1, 0, 0, 1}},
                         {{1, 512, 14, 14}, 80, {1, 1, 1, 1}}};
  for (const Given& given : cases) {
    EXPECT_LT(error_of_sums(given), kError) << to_string(given.x) << given.filters;
  }
}

TEST(ConvWinograd, GivesItsWeightsBack) {
  Image weights({37, 70, 3, 3}, 1);
  TensorView w = weights.view();
  w.layout = Layout::plain;
  const std::vector<float> got = ConvWinograd(w).restored();
  ASSERT_EQ(got.size(), weights.values.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], weights.values[i], 5e-7);
  }
}

TEST(ConvWinograd, PaysForImagesAndChannelsLargeEnough) {
  struct Case {
    Shape w;
    Shape out;
    bool pays;
  };
  const Case cases[] = {{{64, 64, 3, 3}, {56, 56}, true},
                        {{128, 128, 3, 3}, {28, 28}, true},
                        {{256, 256, 3, 3}, {14, 14}, false},  // more weights than places
                        {{512, 512, 3, 3}, {7, 7}, false},
                        {{64, 3, 3, 3}, {224, 224}, false},  // more turning than multiplying
                        {{8, 8, 3, 3}, {160, 160}, false},
                        {{64, 64, 3, 3}, {1, 1}, false},
                        {{64, 64, 5, 5}, {56, 56}, false},
                        {{64, 64, 1, 3}, {56, 56}, false}};
  for (const Case& given : cases) {
    Window window = window_of({1, 1, given.out[0], given.out[1]}, {1, 1, 1, 1});
    EXPECT_EQ(ConvWinograd::pays(given.w, window), given.pays) << to_string(given.w);
    window.strides = {1, 2};
    EXPECT_FALSE(ConvWinograd::pays(given.w, window));
    window.strides = {1, 1};
    window.dilations = {2, 2};
    EXPECT_FALSE(ConvWinograd::pays(given.w, window));
  }
}

// A graph whose convolution is one of Winograd's: x -> Tanh -> Conv (+ residual) -> activation.
struct Fused {
  bool bias;
  bool residual;
  const char* activation;
};

GraphCase graph_of(const Fused& fused, NamedTensor x) {
  GraphCase graph;
  graph.input("x", std::move(x)).node("Tanh", {"x"}, {"t"});
  graph.constant("w", random_floats({40, 40, 3, 3}, 2)).constant("b", random_floats({40}, 3));
  graph.node("Conv", {"t", "w", fused.bias ? "b" : ""}, {"c"}, {integers("pads", {1, 1, 1, 1})});
  graph.node(fused.residual ? "Add" : "Identity",
             fused.residual ? std::vector<std::string>{"c", "t"} : std::vector<std::string>{"c"},
             {"s"});
  graph.node(fused.activation, {"s"}, {"y"}).output("y");
  return graph;
}

// The kernels of the convolutions, as `sluice bench engine --profile` names them.
class Kernels final : public StepObserver {
 public:
  void on_step(const StepReport& step) override {
    names_ += step.op_type == "Conv" ? std::string(step.implementation) : "";
    ++steps_;
  }
  [[nodiscard]] const std::string& names() const { return names_; }
  [[nodiscard]] int steps() const { return steps_; }

 private:
  std::string names_;
  int steps_ = 0;
};

TEST(ConvWinograd, IsTakenByThePlanAndTakesWhatIsFused) {
  const Fused cases[] = {{true, true, "Relu"},
                         {false, true, "LeakyRelu"},
                         {true, false, "Relu"},
                         {false, false, "Relu"},
                         {true, true, "Identity"}};
  for (const Fused& fused : cases) {
    const NamedTensor x = random_floats({2, 40, 27, 30}, 1);
    GraphCase graph = graph_of(fused, x);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 4e-6), "") << fused.activation;
    const auto session = graph.load();
    ASSERT_TRUE(session) << session.error().detail;
    const auto execution = (*session)->new_execution();
    Kernels kernels;
    const std::vector<std::size_t> outputs{0};
    ASSERT_TRUE(model::run_tensors(
        *execution, (*session)->info(), std::vector{x}, outputs, nullptr, &kernels));
    EXPECT_EQ(kernels.names(), "winograd 4x4");
    EXPECT_EQ(kernels.steps(), 4);  // Tanh, Conv and a reorder on either side
  }
}

// NaN and infinities reach the places whose windows see them, and no others.
TEST(ConvWinograd, LeavesWhatIsNotFiniteWhereItIs) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values = floats_of(random_floats({1, 40, 24, 24}, 1));
    values[5 * 24 * 24 + 10 * 24 + 11] = odd;
    GraphCase graph;
    graph.input("x", floats({1, 40, 24, 24}, values));
    graph.constant("w", random_floats({40, 40, 3, 3}, 2)).constant("b", random_floats({40}, 3));
    graph.node("Conv", {"x", "w", "b"}, {"y"}, {integers("pads", {1, 1, 1, 1})}).output("y");
    const auto got = graph.run();
    ASSERT_TRUE(got) << error_of(got);
    const std::vector<float> numbers = floats_of(got->front());
    EXPECT_EQ(std::ranges::count_if(numbers, [](float v) { return !std::isfinite(v); }), 9 * 40);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(got, want->front(), 1e-5, 4e-6), "");
  }
}

// Behind Log any run may have NaN, and an image is looked at when it is met.
TEST(ConvWinograd, AnImageDoesNotHangOnAnotherThatIsNotFinite) {
  const std::int64_t size = 40 * 24 * 24;
  for (const char* before : {"Abs", "Log"}) {
    std::vector<float> values = floats_of(random_floats({3, 40, 24, 24}, 1));
    std::ranges::for_each(values, [](float& v) { v = std::abs(v) + 1; });
    std::vector<std::vector<float>> results;
    for (const bool odd : {false, true}) {
      if (odd) {
        values[static_cast<std::size_t>(size + 1234)] = std::numeric_limits<float>::quiet_NaN();
      }
      GraphCase graph;
      graph.rows_input("x", floats({3, 40, 24, 24}, values)).node(before, {"x"}, {"a"});
      graph.constant("w", random_floats({40, 40, 3, 3}, 2)).constant("b", random_floats({40}, 3));
      graph.node("Conv", {"a", "w", "b"}, {"c"}, {integers("pads", {1, 1, 1, 1})});
      graph.node("Add", {"c", "a"}, {"s"}).node("Relu", {"s"}, {"y"}).output("y");
      const auto got = graph.run();
      ASSERT_TRUE(got) << error_of(got);
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(got, want->front(), 1e-5, 4e-6), "") << before << odd;
      results.push_back(floats_of(got->front()));
    }
    for (const std::int64_t image : {0, 2}) {
      EXPECT_TRUE(std::equal(results[0].begin() + image * size,
                             results[0].begin() + (image + 1) * size,
                             results[1].begin() + image * size))
          << before;
    }
  }
}

}  // namespace
}  // namespace sluice::engine
