#include "gateway/protocol/classification.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "gateway/protocol/tensor_bytes.h"

namespace sluice::gateway {
namespace {

template <class Number>
NamedTensor tensor(DataType type, Shape shape, const std::vector<Number>& values) {
  return {.name = "y",
          .datatype = type,
          .shape = std::move(shape),
          .data = Buffer::copy_of(std::as_bytes(std::span(values)))};
}

std::vector<std::string> elements(const NamedTensor& strings) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < strings.data.size();) {
    out.emplace_back(string_element(strings.data.bytes(), at));
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(Classification, takes_the_best_of_the_whole_tensor_or_of_each_row) {
  const auto scores = tensor<float>(DataType::float32, {2, 3}, {0.1F, 0.7F, 0.2F, 5, 4, 6});
  const auto all = best_classes(scores, {.name = "y", .classes = 2});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->shape, (Shape{2}));
  EXPECT_EQ(elements(*all), (Texts{"6.000000:5", "5.000000:3"}));
  const auto rows = best_classes(scores, {.name = "y", .classes = 2, .class_per_row = true});
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->shape, (Shape{2, 2}));
  EXPECT_EQ(rows->datatype, DataType::string);
  EXPECT_EQ(elements(*rows), (Texts{"0.700000:1", "0.200000:2", "6.000000:2", "5.000000:0"}));
}

TEST(Classification, never_gives_more_classes_than_there_are) {
  const auto best = best_classes(tensor<std::int64_t>(DataType::int64, {2}, {-5, 7}),
                                 {.name = "y", .classes = 1000});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->shape, (Shape{2}));
  EXPECT_EQ(elements(*best), (Texts{"7:1", "-5:0"}));
  const auto none = best_classes(tensor<float>(DataType::float32, {0, 3}, {}),
                                 {.name = "y", .classes = 2, .class_per_row = true});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->shape, (Shape{0, 0}));
}

TEST(Classification, orders_equal_values_by_index_and_nan_last) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto best = best_classes(tensor<float>(DataType::float32, {5}, {nan, 1, 1, -inf, inf}),
                                 {.name = "y", .classes = 5});
  ASSERT_TRUE(best);
  EXPECT_EQ(elements(*best), (Texts{"inf:4", "1.000000:1", "1.000000:2", "-inf:3", "nan:0"}));
}

TEST(Classification, prints_the_largest_double_in_full) {
  const auto best =
      best_classes(tensor<double>(DataType::float64, {1}, {-std::numeric_limits<double>::max()}),
                   {.name = "y", .classes = 1});
  ASSERT_TRUE(best);
  char wanted[400];
  static_cast<void>(
      std::snprintf(wanted, sizeof wanted, "%f:0", -std::numeric_limits<double>::max()));
  EXPECT_EQ(elements(*best), (Texts{wanted}));
}

TEST(Classification, gives_a_class_its_label_where_it_has_one) {
  const LabelList labels("tabby cat\n\na: \xc3\xa9");
  const auto scores = tensor<float>(DataType::float32, {2, 4}, {0, 1, 2, 3, 7, 6, 5, 4});
  const auto rows =
      best_classes(scores, {.name = "y", .classes = 4, .class_per_row = true}, &labels);
  ASSERT_TRUE(rows);
  EXPECT_EQ(elements(*rows),
            (Texts{"3.000000:3",
                   "2.000000:2:a: \xc3\xa9",
                   "1.000000:1",
                   "0.000000:0:tabby cat",
                   "7.000000:0:tabby cat",
                   "6.000000:1",
                   "5.000000:2:a: \xc3\xa9",
                   "4.000000:3"}));
}

TEST(ClassLabels, are_found_by_output_and_index) {
  const ClassLabels labels(std::vector<OutputLabels>{{"a", "x\ny\n"}, {"b", ""}, {"c", "\n\nz"}});
  const struct {
    const char* output;
    std::vector<std::string> expected;  // of the indices 0, 1, 2, 3
  } rows[] = {{"a", {"x", "y", "", ""}}, {"b", {"", "", "", ""}}, {"c", {"", "", "z", ""}}};
  for (const auto& row : rows) {
    const LabelList* list = labels.of(row.output);
    ASSERT_NE(list, nullptr) << row.output;
    for (std::size_t i = 0; i < row.expected.size(); ++i) {
      EXPECT_EQ(list->at(i), row.expected[i]) << row.output << " " << i;
    }
    EXPECT_EQ(list->at(std::numeric_limits<std::size_t>::max()), "");
  }
  EXPECT_EQ(labels.of("d"), nullptr);
  EXPECT_EQ(ClassLabels().of("a"), nullptr);
}

TEST(Classification, refuses_what_has_no_order_and_what_is_too_large) {
  const auto half = tensor<std::uint16_t>(DataType::float16, {1}, {0});
  EXPECT_EQ(best_classes(half, {.name = "y", .classes = 1}).error().detail,
            "classification of output 'y': not possible for FP16");
  const std::vector<std::uint8_t> many(limits::kClassificationElements + 1);
  const auto large =
      tensor<std::uint8_t>(DataType::uint8, {static_cast<std::int64_t>(many.size())}, many);
  EXPECT_EQ(best_classes(large, {.name = "y", .classes = 1}).error().detail,
            "classification of output 'y': it has 1000001 elements, at most 1000000 are allowed");
}

}  // namespace
}  // namespace sluice::gateway
