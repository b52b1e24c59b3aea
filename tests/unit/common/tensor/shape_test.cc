#include "common/tensor/shape.h"

#include <limits>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(Shape, CountsElements) {
  EXPECT_EQ(*element_count(Shape{}), 1);
  EXPECT_EQ(*element_count(Shape{2, 3, 4}), 24);
  EXPECT_EQ(*element_count(Shape{2, 0, 4}), 0);
  EXPECT_EQ(*byte_count(DataType::float32, Shape{1, 3, 224, 224}), 602'112U);
}

TEST(Shape, RefusesNegativeExtents) {
  EXPECT_EQ(element_count(Shape{2, -1}).error().detail, "shape [2,-1] has a negative extent");
}

TEST(Shape, RefusesProductsBeyond64Bits) {
  EXPECT_FALSE(element_count(Shape{kHuge, 2}));
  EXPECT_FALSE(element_count(Shape{0, kHuge, 2}));
  EXPECT_FALSE(byte_count(DataType::float64, Shape{std::int64_t{1} << 46}));
}

TEST(Shape, RefusesTooManyDimensions) {
  EXPECT_FALSE(element_count(Shape(33, 1)));
}

}  // namespace
}  // namespace sluice
