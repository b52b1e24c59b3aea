#include "common/base/result.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) {
    return Error{ErrorCode::invalid_argument, std::to_string(n) + " is odd"};
  }
  return n / 2;
}

Result<int> quarter(int n) {
  SLUICE_TRY_ASSIGN(const int once, half(n));
  return half(once);
}

Result<void> must_be_even(int n) {
  SLUICE_TRY(half(n));
  return {};
}

TEST(Result, CarriesAValue) {
  const Result<int> result = half(4);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 2);
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error(), (Error{ErrorCode::invalid_argument, "3 is odd"}));
  EXPECT_TRUE(must_be_even(2));
  EXPECT_EQ(must_be_even(5).error().detail, "5 is odd");
}

TEST(Result, TakesMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> owner = *std::move(result);
  EXPECT_EQ(*owner, 7);
}

TEST(Result, ContextIsPutInFrontAndTheCodeKept) {
  const Error error = with_context({ErrorCode::not_found, "no such file"}, "load digits");
  EXPECT_EQ(error, (Error{ErrorCode::not_found, "load digits: no such file"}));
}

TEST(ResultDeathTest, TheWrongSideAborts) {
  const Result<int> good = half(2);
  EXPECT_DEATH(static_cast<void>(good.error()), "broken invariant");
}

TEST(ErrorCode, EachHasItsOwnName) {
  std::set<std::string_view> names;
  for (const ErrorCode code : kAllErrorCodes) {
    EXPECT_NE(name_of(code), "unknown");
    names.insert(name_of(code));
  }
  EXPECT_EQ(names.size(), std::size(kAllErrorCodes));
}

}  // namespace
}  // namespace sluice
