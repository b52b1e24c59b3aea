// Plain loops that become vectors, at all lengths around a vector's: against the same in words.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kLengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 300};

NamedTensor answer(const std::string& op,
                   const std::vector<NamedTensor>& inputs,
                   const std::vector<Attribute>& attributes = {}) {
  auto got = run_op(op, inputs, attributes);
  EXPECT_TRUE(got) << op << ": " << error_of(got);
  return got ? (*got)[0] : NamedTensor{};
}

template <class T>
std::vector<T> numbers_of(const NamedTensor& tensor) {
  std::vector<T> made(tensor.data.size() / sizeof(T));
  std::memcpy(made.data(), tensor.data.data(), tensor.data.size());
  return made;
}

TEST(Plain, ExtremesAndTheirPlaces) {
  for (const std::int64_t length : kLengths) {
    for (const bool with_nan : {false, true}) {
      std::vector<float> x = floats_of(random_floats({length}, 3));
      if (with_nan) {
        x[static_cast<std::size_t>(length / 2)] = kNan;
        x.back() = kNan;
      }
      std::size_t most = 0;
      for (std::size_t i = 1; i < x.size(); ++i) {
        const bool nan_first = std::isnan(x[i]) && !std::isnan(x[most]);
        most = x[i] > x[most] || nan_first ? i : most;
      }
      // As a row, and as the columns of two alike.
      std::vector<float> twice;
      for (const float value : x) {
        twice.insert(twice.end(), 9, value);
      }
      const auto row = numbers_of<std::int64_t>(answer("ArgMax", {floats({length}, x)}));
      EXPECT_EQ(row[0], static_cast<std::int64_t>(most)) << length << with_nan;
      for (const std::int64_t at :
           numbers_of<std::int64_t>(answer("ArgMax", {floats({length, 9}, twice)}))) {
        EXPECT_EQ(at, static_cast<std::int64_t>(most)) << length << with_nan;
      }
      for (const Shape& shape : {Shape{length}, Shape{length, 9}}) {
        const auto& values = shape.size() == 1 ? x : twice;
        const auto got =
            floats_of(answer("ReduceMax", {floats(shape, values)}, {integers("axes", {0})}));
        for (const float value : got) {
          EXPECT_TRUE(with_nan ? std::isnan(value) : value == x[most]) << length << with_nan;
        }
      }
    }
  }
}

TEST(Plain, OfEqualOnesTheFirstOrTheLast) {
  const NamedTensor row = int64s({6}, {1, 7, 7, 2, 7, 0});
  EXPECT_EQ(numbers_of<std::int64_t>(answer("ArgMax", {row}))[0], 1);
  EXPECT_EQ(numbers_of<std::int64_t>(answer("ArgMax", {row}, {integer("select_last_index", 1)}))[0],
            4);
  const NamedTensor columns = int32s({3, 2}, {5, 1, 5, 0, 2, 0});
  EXPECT_EQ(numbers_of<std::int64_t>(answer("ArgMin", {columns})),
            (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(
      numbers_of<std::int64_t>(answer("ArgMin", {columns}, {integer("select_last_index", 1)})),
      (std::vector<std::int64_t>{2, 2}));
}

TEST(Plain, FloatsBecomeIntegersWhateverTheirNeighboursAre) {
  constexpr float kFar = 5e9F;  // int32 cannot hold it: it wraps through int64
  for (const std::int64_t length : kLengths) {
    std::vector<float> x = floats_of(random_floats({length}, 5));
    for (float& value : x) {
      value *= 1000;
    }
    for (const bool far : {false, true}) {
      if (far) {
        x[static_cast<std::size_t>(length / 2)] = kFar;
      }
      const auto whole =
          numbers_of<std::int64_t>(answer("Cast", {floats({length}, x)}, {integer("to", 7)}));
      const auto narrow =
          numbers_of<std::int32_t>(answer("Cast", {floats({length}, x)}, {integer("to", 6)}));
      const auto bytes =
          numbers_of<std::uint8_t>(answer("Cast", {floats({length}, x)}, {integer("to", 2)}));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto want = static_cast<std::int64_t>(x[i]);
        EXPECT_EQ(whole[i], want) << x[i];
        EXPECT_EQ(narrow[i], static_cast<std::int32_t>(want)) << x[i];
        EXPECT_EQ(bytes[i], static_cast<std::uint8_t>(want)) << x[i];
      }
    }
  }
}

TEST(Plain, TruthsChooseAndAreJoined) {
  for (const std::int64_t length : kLengths) {
    std::vector<std::uint8_t> a;
    std::vector<std::uint8_t> b;
    for (std::int64_t i = 0; i < length; ++i) {
      a.push_back(i % 3 == 0 ? 1 : 0);
      b.push_back(i % 2 == 0 ? 1 : 0);
    }
    const NamedTensor x = random_floats({length}, 7);
    const auto chosen = floats_of(answer("Where", {bools({length}, a), x, floats({}, {9})}));
    const auto both =
        numbers_of<std::uint8_t>(answer("And", {bools({length}, a), bools({length}, b)}));
    const auto one =
        numbers_of<std::uint8_t>(answer("Xor", {bools({length}, a), bools({length}, b)}));
    const auto none = numbers_of<std::uint8_t>(answer("Not", {bools({length}, a)}));
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(chosen[i], a[i] != 0 ? floats_of(x)[i] : 9);
      EXPECT_EQ(both[i], a[i] & b[i]);
      EXPECT_EQ(one[i], a[i] ^ b[i]);
      EXPECT_EQ(none[i], 1 - a[i]);
    }
  }
}

}  // namespace
}  // namespace sluice::engine::testing
