// quant/integer_places.cc: QLinearConv with constant weights, between tensors of either layout.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

struct Case {
  Shape x;
  Shape w;
  std::int64_t group = 1;
  std::vector<std::int64_t> strides{};
  std::vector<std::int64_t> dilations{};
  std::vector<std::int64_t> pads{};
  bool x_signed = false;
  bool w_signed = true;
};

template <class T>
NamedTensor drawn_bytes(const Shape& shape, std::uint32_t seed) {
  std::vector<T> values;
  for (const float value : floats_of(random_floats(shape, seed))) {
    values.push_back(
        static_cast<T>(static_cast<int>(value * 127.9F) + (std::is_signed_v<T> ? 0 : 128)));
  }
  return numbers<T>(shape, values);
}

NamedTensor one_byte(bool is_signed, int value) {
  return is_signed ? numbers<std::int8_t>({}, {static_cast<std::int8_t>(value)})
                   : numbers<std::uint8_t>({}, {static_cast<std::uint8_t>(value)});
}

// x -> QLinearConv -> y, and a second convolution that reads this as it lies.
GraphCase graph_of(const Case& row, bool twice) {
  GraphCase graph;
  graph.input(
      "x", row.x_signed ? drawn_bytes<std::int8_t>(row.x, 1) : drawn_bytes<std::uint8_t>(row.x, 1));
  graph.constant("x_scale", floats({}, {0.02F})).constant("x_zero", one_byte(row.x_signed, 3));
  graph.constant(
      "w", row.w_signed ? drawn_bytes<std::int8_t>(row.w, 2) : drawn_bytes<std::uint8_t>(row.w, 2));
  const std::int64_t filters = row.w[0];
  std::vector<float> scales;
  std::vector<std::int32_t> biases;
  for (std::int64_t i = 0; i < filters; ++i) {
    scales.push_back(0.001F + 0.0001F * static_cast<float>(i % 7));
    biases.push_back(static_cast<std::int32_t>(i * 37 % 400 - 200));
  }
  graph.constant("w_scale", floats({filters}, scales)).constant("bias", int32s({filters}, biases));
  graph.constant("w_zero", one_byte(row.w_signed, row.w_signed ? 0 : 128));
  graph.constant("y_scale", floats({}, {0.05F})).constant("y_zero", one_byte(row.x_signed, 9));
  std::vector<Attribute> attributes{integer("group", row.group)};
  for (const auto& [name, list] : {std::pair{"strides", &row.strides},
                                   std::pair{"dilations", &row.dilations},
                                   std::pair{"pads", &row.pads}}) {
    if (!list->empty()) {
      attributes.push_back(integers(name, *list));
    }
  }
  graph.node("QLinearConv",
             {"x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "bias"},
             {"y"},
             attributes);
  if (twice) {
    Shape next{8, filters};
    next.resize(row.w.size(), 1);
    graph.constant("v", drawn_bytes<std::int8_t>(next, 3));
    graph.constant("v_scale", floats({}, {0.004F})).constant("v_zero", one_byte(true, 0));
    graph.node("QLinearConv",
               {"y", "y_scale", "y_zero", "v", "v_scale", "v_zero", "y_scale", "y_zero"},
               {"z"});
  }
  graph.output("y");
  if (twice) {
    graph.output("z");
  }
  return graph;
}

const Case kCases[] = {
    {.x = {1, 8, 5, 6}, .w = {16, 8, 3, 3}, .pads = {1, 1, 1, 1}},
    {.x = {2, 8, 5, 6}, .w = {16, 8, 3, 3}, .pads = {1, 0, 0, 1}, .x_signed = true},
    {.x = {1, 3, 9, 9}, .w = {20, 3, 3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}},
    {.x = {1, 1, 7, 12}, .w = {8, 1, 4, 5}, .strides = {1, 2}, .pads = {2, 2, 1, 2}},
    {.x = {1, 5, 8, 8}, .w = {33, 5, 3, 3}, .dilations = {2, 2}, .pads = {2, 2, 2, 2}},
    {.x = {1, 5, 8, 8}, .w = {9, 5, 3, 2}, .dilations = {1, 3}, .x_signed = true},
    {.x = {2, 12, 4, 4}, .w = {70, 12, 1, 1}},
    {.x = {1, 12, 4, 4}, .w = {40, 12, 1, 1}, .strides = {2, 2}, .w_signed = false},
    {.x = {1, 6, 11}, .w = {9, 6, 3}, .pads = {1, 1}},
    {.x = {1, 4, 3, 4, 5}, .w = {10, 4, 2, 3, 2}, .pads = {0, 1, 1, 1, 1, 0}},
    {.x = {1, 16, 6, 6}, .w = {16, 1, 3, 3}, .group = 16, .pads = {1, 1, 1, 1}},
    {.x = {2, 40, 6, 5}, .w = {40, 1, 3, 3}, .group = 40, .strides = {2, 2}, .x_signed = true},
    {.x = {1, 35, 7, 7}, .w = {35, 1, 5, 5}, .group = 35, .pads = {2, 2, 2, 2}, .w_signed = false},
    {.x = {1, 33, 9}, .w = {33, 1, 4}, .group = 33, .dilations = {2}},
    {.x = {1, 8, 1, 1}, .w = {8, 8, 1, 1}},
    {.x = {1, 8, 5, 5}, .w = {3, 8, 3, 3}},  // too few
};

TEST(IntegerPlaces, GiveTheBytesOfTheSpecification) {
  for (const Case& row : kCases) {
    for (const bool twice : {false, true}) {
      GraphCase graph = graph_of(row, twice);
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      const auto got = graph.run();
      ASSERT_TRUE(got) << error_of(got);
      ASSERT_EQ(got->size(), want->size());
      for (std::size_t i = 0; i < want->size(); ++i) {
        EXPECT_EQ((*got)[i].shape, (*want)[i].shape);
        EXPECT_EQ((*got)[i].data.text(), (*want)[i].data.text())
            << to_string(row.x) << to_string(row.w) << " output " << i;
      }
    }
  }
}

TEST(IntegerPlaces, TakeEmptyTensorsOrSayWhatIsWrong) {
  const Case cases[] = {
      {.x = {1, 8, 5, 5}, .w = {0, 8, 3, 3}},
      {.x = {1, 0, 5, 5}, .w = {16, 0, 3, 3}},
      {.x = {1, 8, 5, 5}, .w = {16, 8, 0, 3}},
      {.x = {1, 8, 5, 5}, .w = {16, 8, 3, 0}},
      {.x = {0, 8, 5, 5}, .w = {16, 8, 3, 3}},
      {.x = {1, 8, 0, 5}, .w = {16, 8, 1, 1}},
      {.x = {1, 8, 2, 5}, .w = {16, 8, 3, 3}},
  };
  for (const Case& row : cases) {
    GraphCase graph = graph_of(row, false);
    const auto want = graph.run_reference();
    const auto got = graph.run();
    ASSERT_EQ(got.has_value(), want.has_value()) << to_string(row.x) << to_string(row.w);
    if (want) {
      EXPECT_EQ((*got)[0].shape, (*want)[0].shape);
      EXPECT_EQ((*got)[0].data.text(), (*want)[0].data.text());
    } else {
      EXPECT_EQ(error_of(got), error_of(want));
    }
  }
}

// What takes bytes, or gives them, as they lie behind a convolution.
TEST(IntegerPlaces, AreFollowedByWhatReadsThem) {
  for (const bool is_signed : {false, true}) {
    GraphCase graph = graph_of(
        {.x = {2, 8, 6, 7}, .w = {20, 8, 3, 3}, .pads = {1, 1, 1, 1}, .x_signed = is_signed}, true);
    graph.node("MaxPool",
               {"y"},
               {"pooled"},
               {integers("kernel_shape", {3, 2}),
                integers("strides", {2, 1}),
                integers("dilations", {1, 2}),
                integers("pads", {1, 0, 1, 1})});
    graph.constant("w_tensor", floats({}, {0.03F}));
    graph.domain_node("com.microsoft",
                      1,
                      "QLinearAdd",
                      {"y", "y_scale", "y_zero", "y", "w_tensor", "y_zero", "y_scale", "y_zero"},
                      {"sum"});
    for (const std::int64_t axis : {1, 2}) {
      graph.domain_node(
          "com.microsoft",
          1,
          "QLinearConcat",
          {"y_scale", "y_zero", "y", "y_scale", "y_zero", "sum", "w_tensor", "y_zero"},
          {"joined" + std::to_string(axis)},
          {integer("axis", axis)});
    }
    for (const auto& [axis, extent] : {std::pair{1, 20}, std::pair{2, 6}, std::pair{-1, 7}}) {
      const std::string at = std::to_string(axis);
      std::vector<float> scales;
      for (int i = 0; i < extent; ++i) {
        scales.push_back(0.01F * static_cast<float>(i + 1));
      }
      graph.constant("scale" + at, floats({extent}, scales));
      graph.node("DequantizeLinear", {"y", "scale" + at}, {"real" + at}, {integer("axis", axis)});
      graph.node(
          "QuantizeLinear", {"real" + at, "scale" + at}, {"byte" + at}, {integer("axis", axis)});
    }
    for (const char* const name : {"pooled",
                                   "sum",
                                   "joined1",
                                   "joined2",
                                   "real1",
                                   "byte1",
                                   "real2",
                                   "byte2",
                                   "real-1",
                                   "byte-1"}) {
      graph.output(name);
    }
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    const auto got = graph.run();
    ASSERT_TRUE(got) << error_of(got);
    ASSERT_EQ(got->size(), want->size());
    for (std::size_t i = 0; i < want->size(); ++i) {
      EXPECT_EQ((*got)[i].shape, (*want)[i].shape) << i;
      EXPECT_EQ((*got)[i].data.text(), (*want)[i].data.text()) << i;
    }
  }
}

// A Relu in front of a zero point in the middle, by whatever kernel.
TEST(IntegerPlaces, HoldTheFloorOfARelu) {
  const Case cases[] = {
      {.x = {1, 8, 5, 6}, .w = {20, 8, 3, 3}},
      {.x = {1, 8, 5, 6}, .w = {8, 1, 3, 3}, .group = 8, .x_signed = true},
      {.x = {1, 8, 5, 6}, .w = {16, 1, 3, 3}, .group = 8},
      {.x = {1, 8, 5, 6}, .w = {6, 4, 2, 2}, .group = 2, .x_signed = true},
  };
  for (const Case& row : cases) {
    GraphCase graph = graph_of(row, false);
    const std::vector<std::int8_t> zeros(static_cast<std::size_t>(row.w[0]), 0);
    graph.constant("w_zeros", numbers<std::int8_t>({row.w[0]}, zeros));
    graph.node("DequantizeLinear", {"x", "x_scale", "x_zero"}, {"real_x"});
    graph.node("DequantizeLinear", {"w", "w_scale", "w_zeros"}, {"real_w"}, {integer("axis", 0)});
    graph.node("Conv", {"real_x", "real_w"}, {"real"}, {integer("group", row.group)});
    graph.node("Relu", {"real"}, {"held"});
    graph.node("QuantizeLinear", {"held", "y_scale", "y_zero"}, {"floored"}).output("floored");
    const auto got = graph.run();
    ASSERT_TRUE(got) << error_of(got);
    const std::size_t steps = graph.figures().steps - graph.figures().reorders;
    EXPECT_EQ(steps, 2U) << to_string(row.w);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ((*got)[1].data.text(), (*want)[1].data.text()) << to_string(row.w);
    const auto bytes = (*got)[1].data.bytes();
    EXPECT_GT(std::ranges::count(bytes, std::byte{9}), std::ssize(bytes) / 4);
    EXPECT_EQ(std::ranges::count(bytes, std::byte{8}), 0);
  }
}

TEST(IntegerPlaces, GiveTheSameByTwoThreads) {
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  for (const auto& [x, w, group] : {std::tuple{Shape{1, 32, 40, 41}, Shape{80, 32, 3, 3}, 1},
                                    std::tuple{Shape{1, 72, 40, 41}, Shape{72, 1, 3, 3}, 72}}) {
    GraphCase graph = graph_of({.x = x, .w = w, .group = group, .pads = {1, 1, 1, 1}}, true);
    std::vector<std::vector<NamedTensor>> answers;
    for (const int threads : {1, 2}) {
      auto model = graph.model();
      ASSERT_TRUE(model) << model.error().detail;
      const auto session = make_session(*std::move(model), threads, registry, {});
      ASSERT_TRUE(session) << session.error().detail;
      const auto execution = (*session)->new_execution();
      auto got = model::run_tensors(
          *execution, (*session)->info(), {drawn_bytes<std::uint8_t>(x, 1)}, {0, 1});
      ASSERT_TRUE(got) << got.error().detail;
      answers.push_back(*std::move(got));
    }
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(answers[0][i].data.text(), answers[1][i].data.text());
    }
  }
}

}  // namespace
}  // namespace sluice::engine
