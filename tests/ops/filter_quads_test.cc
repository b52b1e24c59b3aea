// Filters over panels of an image's bytes, by whatever this machine has for them.

#include "worker/ops/simd/filter_quads.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine::simd {
namespace {

struct Case {
  std::int64_t count;
  std::int64_t quads;
  std::int64_t columns;
  bool has_zeros;
  bool has_offsets;
};

class Drawn {
 public:
  explicit Drawn(std::uint32_t seed) : random_(seed) {}

  template <class T>
  std::vector<T> bytes(std::int64_t count) {
    std::vector<T> all;
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(
          static_cast<T>(number(std::numeric_limits<T>::min(), std::numeric_limits<T>::max())));
    }
    return all;
  }
  std::vector<std::int32_t> numbers(std::int64_t count, std::int32_t low, std::int32_t high) {
    std::vector<std::int32_t> all;
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(number(low, high));
    }
    return all;
  }
  std::vector<float> floats(std::int64_t count, float step) {
    std::vector<float> all;
    for (const std::int32_t whole : numbers(count, -1'000, 1'000)) {
      all.push_back(static_cast<float>(whole) * step);
    }
    return all;
  }

 private:
  std::int32_t number(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(high - low + 1));
  }
  std::mt19937 random_;
};

template <class T>
T finished(std::int32_t sum, float scale, const float* offset, std::int32_t zero) {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    return sum;
  } else {
    const float scaled = static_cast<float>(sum) * scale;
    const float y = offset == nullptr ? scaled : scaled + *offset;
    if constexpr (std::is_same_v<T, float>) {
      return y;
    } else {
      const float least = std::numeric_limits<T>::min();
      const float most = std::numeric_limits<T>::max();
      return static_cast<T>(std::clamp(std::nearbyint(y) + static_cast<float>(zero), least, most));
    }
  }
}

// By multiply_filters and by the definition.
template <class T>
void compare(const Case& shape, std::uint32_t seed) {
  const auto [count, quads, columns, has_zeros, has_offsets] = shape;
  constexpr std::int64_t kColumns = 2 * kPanel;
  const std::int64_t k = 4 * quads;
  Drawn drawn(seed);
  const auto filters = drawn.bytes<std::int8_t>(count * k + 1);
  const auto panels = drawn.bytes<std::uint8_t>(kColumns * k + 1);
  const auto starts = drawn.numbers(count, -100'000, 100'000);
  const auto zeros = drawn.numbers(count, -256, 255);
  const auto scales = drawn.floats(count, 0.00001F);
  const auto offsets = drawn.floats(count, 0.07F);
  const auto image_at = [&](std::int64_t i, std::int64_t j) {
    return std::int32_t{panels[static_cast<std::size_t>(
        ((j / kPanel * quads + i / 4) * kPanel + j % kPanel) * 4 + i % 4)]};
  };
  std::vector<std::int32_t> column_sums(kColumns);
  for (std::int64_t j = 0; j < kColumns; ++j) {
    for (std::int64_t i = 0; i < k; ++i) {
      column_sums[static_cast<std::size_t>(j)] += image_at(i, j);
    }
  }
  constexpr std::int32_t kResultZero = 5;
  constexpr T kUntouched = 77;
  std::vector<T> results(static_cast<std::size_t>(count * (kColumns + 1)), kUntouched);
  multiply_filters({.filters = filters.data(),
                    .filter_step = k,
                    .count = count,
                    .quads = quads,
                    .starts = starts.data(),
                    .zeros = has_zeros ? zeros.data() : nullptr,
                    .column_sums = column_sums.data(),
                    .columns = columns,
                    .scales = scales.data(),
                    .offsets = has_offsets ? offsets.data() : nullptr,
                    .result_zero = kResultZero,
                    .step = kColumns + 1},
                   panels.data(),
                   results.data());
  for (std::int64_t filter = 0; filter < count; ++filter) {
    const auto at = static_cast<std::size_t>(filter);
    for (std::int64_t j = 0; j <= kColumns; ++j) {
      T wanted = kUntouched;
      if (j < columns) {
        std::int32_t sum = starts[at];
        for (std::int64_t i = 0; i < k; ++i) {
          sum += filters[static_cast<std::size_t>(filter * k + i)] * image_at(i, j);
        }
        sum -= has_zeros ? zeros[at] * column_sums[static_cast<std::size_t>(j)] : 0;
        wanted = finished<T>(sum, scales[at], has_offsets ? &offsets[at] : nullptr, kResultZero);
      }
      ASSERT_EQ(results[static_cast<std::size_t>(filter * (kColumns + 1) + j)], wanted)
          << "filter " << filter << " of " << count << ", column " << j << " of " << columns << ", "
          << quads << " quads, seed " << seed;
    }
  }
}

template <class T>
class FilterQuadsTest : public testing::Test {};
using Results = testing::Types<std::int32_t, float, std::int8_t, std::uint8_t>;
TYPED_TEST_SUITE(FilterQuadsTest, Results);

TYPED_TEST(FilterQuadsTest, AreExactForAllShapesOfTilesAndWriteNothingElse) {
  std::uint32_t seed = 0;
  for (const std::int64_t count : {1, 3, 4, 8, 12, 13, 29}) {
    for (const std::int64_t quads : {0, 1, 5}) {
      for (const std::int64_t columns : {1, 15, 16, 17, 32}) {
        compare<TypeParam>({count, quads, columns, false, false}, ++seed);
        compare<TypeParam>({count, quads, columns, true, false}, ++seed);
        compare<TypeParam>({count, quads, columns, false, true}, ++seed);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::engine::simd
