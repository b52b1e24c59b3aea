// Products of bytes four at a time, by whatever this machine has for them.

#include "worker/ops/simd/quads.h"

#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine::simd {
namespace {

std::int32_t draw(std::mt19937& random, std::int32_t low, std::int32_t high) {
  return low + static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(high - low + 1));
}

struct Case {
  std::int64_t rows;
  std::int64_t quads;
  std::int64_t columns;
  bool b_has_zeros;
  bool to_floats = false;
  bool has_bias = false;
};

// c of numbers drawn from `seed`, by multiply_quads and by the definition.
void compare(const Case& shape, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto [rows, quads, columns, b_has_zeros, to_floats, has_bias] = shape;
  const std::int64_t k = 4 * quads;
  const bool one_zero = seed % 2 == 0;  // for all rows, as mostly
  constexpr std::int64_t kColumns = kQuadPanels * kPanel;
  std::vector<std::uint8_t> a(static_cast<std::size_t>(rows * k));
  std::vector<std::int8_t> b(static_cast<std::size_t>(kColumns * k));
  std::vector<std::int32_t> a_zeros(static_cast<std::size_t>(rows));
  std::vector<std::int32_t> a_sums(static_cast<std::size_t>(rows));
  std::vector<std::int32_t> b_sums(kColumns);
  std::vector<std::int32_t> b_zeros(kColumns);
  const auto b_at = [&](std::int64_t i, std::int64_t j) -> std::int8_t& {
    return b[static_cast<std::size_t>(((j / kPanel * quads + i / 4) * kPanel + j % kPanel) * 4 +
                                      i % 4)];
  };
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    a_zeros[at] = one_zero && row > 0 ? a_zeros[0] : draw(random, 0, 255);
    for (std::int64_t i = 0; i < k; ++i) {
      std::uint8_t& number = a[static_cast<std::size_t>(row * k + i)];
      number = static_cast<std::uint8_t>(draw(random, 0, 255));
      a_sums[at] += number - a_zeros[at];
    }
  }
  for (std::int64_t j = 0; j < kColumns; ++j) {
    const auto at = static_cast<std::size_t>(j);
    b_zeros[at] = b_has_zeros ? draw(random, -256, 127) : 0;
    for (std::int64_t i = 0; i < k; ++i) {
      b_at(i, j) = static_cast<std::int8_t>(draw(random, -128, 127));
      b_sums[at] += b_at(i, j);
    }
  }
  constexpr std::int32_t kUntouched = 77;
  std::vector<std::int32_t> c(static_cast<std::size_t>(rows * (kColumns + 1)), kUntouched);
  std::vector<float> y(c.size(), kUntouched);
  std::vector<float> scales;
  std::vector<float> bias;
  for (std::int64_t j = 0; j < kColumns; ++j) {
    scales.push_back(static_cast<float>(draw(random, 1, 1'000)) * 0.001F);
    bias.push_back(static_cast<float>(draw(random, -1'000, 1'000)) * 0.7F);
  }
  multiply_quads({.a = a.data(),
                  .a_step = k,
                  .a_zeros = a_zeros.data(),
                  .a_sums = a_sums.data(),
                  .rows = rows,
                  .quads = quads,
                  .b_sums = b_sums.data(),
                  .b_zeros = b_has_zeros ? b_zeros.data() : nullptr,
                  .c = c.data(),
                  .c_step = kColumns + 1,
                  .columns = columns,
                  .scaling = {.scales = scales.data(), .bias = has_bias ? bias.data() : nullptr},
                  .y = to_floats ? y.data() : nullptr},
                 b.data());
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t j = 0; j <= kColumns; ++j) {
      std::int32_t wanted = j < columns ? 0 : kUntouched;
      for (std::int64_t i = 0; i < k && j < columns; ++i) {
        wanted +=
            (a[static_cast<std::size_t>(row * k + i)] - a_zeros[static_cast<std::size_t>(row)]) *
            (b_at(i, j) - b_zeros[static_cast<std::size_t>(j)]);
      }
      const auto at = static_cast<std::size_t>(row * (kColumns + 1) + j);
      auto wanted_float = static_cast<float>(wanted);
      if (to_floats && j < columns) {
        wanted_float *= scales[static_cast<std::size_t>(j)];
        wanted_float += has_bias ? bias[static_cast<std::size_t>(j)] : 0;
      }
      ASSERT_EQ(to_floats ? y[at] : static_cast<float>(c[at]), wanted_float)
          << "row " << row << " of " << rows << ", column " << j << " of " << columns << ", "
          << quads << " quads, seed " << seed;
      ASSERT_EQ(c[at], to_floats ? kUntouched : wanted);
    }
  }
}

TEST(Quads, AreExactForAllShapesOfTilesAndWriteNothingElse) {
  std::uint32_t seed = 0;
  for (const std::int64_t rows : {1, 3, 4, 6, 7, 8, 11, 12, 13, 29}) {
    for (const std::int64_t quads : {0, 1, 5}) {
      for (const std::int64_t columns : {1, 15, 16, 17, 31, 32, 33, 48, 49, 64}) {
        for (const bool b_has_zeros : {false, true}) {
          compare({rows, quads, columns, b_has_zeros}, ++seed);
          compare({rows, quads, columns, b_has_zeros, true, false}, ++seed);
          compare({rows, quads, columns, b_has_zeros, true, true}, ++seed);
        }
      }
    }
  }
}

TEST(Quads, ArePackedFromRowsThatLieAnywhere) {
  std::vector<std::uint8_t> from;
  for (int i = 0; i < 120; ++i) {
    from.push_back(static_cast<std::uint8_t>(i * 7));
  }
  const std::vector<std::int32_t> rows = {3, 84, 0, 17, 17, 50, 1, 2};
  for (const std::int64_t apart : {1, 2}) {
    std::vector<std::uint8_t> to(2 * 4 * kPanel + 1, 99);
    pack_quads(from.data(), rows.data(), 2, apart, to.data());
    for (std::int64_t quad = 0; quad < 2; ++quad) {
      for (std::int64_t j = 0; j < kPanel; ++j) {
        for (std::int64_t i = 0; i < 4; ++i) {
          const std::int64_t at = rows[static_cast<std::size_t>(4 * quad + i)] + j * apart;
          EXPECT_EQ(to[static_cast<std::size_t>((quad * kPanel + j) * 4 + i)],
                    from[static_cast<std::size_t>(at)])
              << quad << " " << j << " " << i << " " << apart;
        }
      }
    }
    EXPECT_EQ(to.back(), 99);
  }
}

}  // namespace
}  // namespace sluice::engine::simd
