#include "common/tensor/datatype.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(DataType, KserveNamesGoBothWays) {
  for (int i = 1; i <= 14; ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(datatype_from_kserve(kserve_name_of(type)), type) << name_of(type);
  }
  EXPECT_EQ(datatype_from_kserve("FP33"), std::nullopt);
  EXPECT_EQ(datatype_from_kserve(""), std::nullopt);
}

TEST(DataType, SizesAreThoseOfTheElements) {
  EXPECT_EQ(element_size(DataType::float32), 4U);
  EXPECT_EQ(element_size(DataType::boolean), 1U);
  EXPECT_EQ(element_size(DataType::string), 0U);
}

}  // namespace
}  // namespace sluice
