// Products by panels: every way that rows and columns are cut into tiles, and on one thread as on
// two.

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/detail/panel_matrix.h"

namespace sluice::engine {
namespace {

std::vector<float> drawn(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> between(-1.0F, 1.0F);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& number : numbers) {
    number = between(random);
  }
  return numbers;
}

struct Sizes {
  std::int64_t k;
  std::int64_t n;
};

class Panels : public testing::TestWithParam<Sizes> {
 protected:
  static constexpr std::int64_t kMost = 29;
  const std::int64_t k_ = GetParam().k;
  const std::int64_t n_ = GetParam().n;
  const std::vector<float> a_ = drawn(kMost * k_, 1);
  const std::vector<float> b_ = drawn(k_ * n_, 2);
  const std::vector<float> bias_ = drawn(n_, 3);

  // Of rows [first, first + rows).
  std::vector<float> multiplied(const detail::PanelMatrix& matrix,
                                std::int64_t first,
                                std::int64_t rows) const {
    // What no row's may touch stays as it was.
    std::vector<float> c(static_cast<std::size_t>(rows * n_ + 1), -7.0F);
    matrix.multiply(a_.data() + first * k_, false, rows, bias_.data(), Tail{}, c.data());
    EXPECT_EQ(c.back(), -7.0F);
    c.pop_back();
    return c;
  }
};

TEST_P(Panels, MultiplyEachRowAsIfItWereAlone) {
  set_team_size(1);
  const detail::PanelMatrix matrix(b_.data(), k_, n_, false);
  std::vector<float> alone;
  for (std::int64_t row = 0; row < kMost; ++row) {
    const std::vector<float> c = multiplied(matrix, row, 1);
    for (std::int64_t column = 0; column < n_; ++column) {
      double sum = bias_[static_cast<std::size_t>(column)];
      for (std::int64_t i = 0; i < k_; ++i) {
        sum += double{a_[static_cast<std::size_t>(row * k_ + i)]} *
               double{b_[static_cast<std::size_t>(i * n_ + column)]};
      }
      ASSERT_NEAR(c[static_cast<std::size_t>(column)], sum, 2e-5 * (1.0 + double(k_) / 16));
    }
    alone.insert(alone.end(), c.begin(), c.end());
  }
  for (const int threads : {1, 2}) {
    set_team_size(threads);
    for (std::int64_t rows = 2; rows <= kMost; ++rows) {
      const auto expected = std::span(alone).first(static_cast<std::size_t>(rows * n_));
      EXPECT_EQ(multiplied(matrix, 0, rows), std::vector<float>(expected.begin(), expected.end()))
          << rows << " rows, " << threads << " threads";
    }
  }
  set_team_size(1);
}

TEST_P(Panels, TakeATransposedMatrix) {
  std::vector<float> turned(b_.size());
  for (std::int64_t i = 0; i < k_; ++i) {
    for (std::int64_t j = 0; j < n_; ++j) {
      turned[static_cast<std::size_t>(j * k_ + i)] = b_[static_cast<std::size_t>(i * n_ + j)];
    }
  }
  const detail::PanelMatrix matrix(b_.data(), k_, n_, false);
  const detail::PanelMatrix same(turned.data(), k_, n_, true);
  EXPECT_EQ(multiplied(same, 0, 9), multiplied(matrix, 0, 9));
}

INSTANTIATE_TEST_SUITE_P(Sizes,
                         Panels,
                         testing::Values(Sizes{1, 1},
                                         Sizes{3, 16},
                                         Sizes{16, 8},
                                         Sizes{5, 33},
                                         Sizes{17, 48},
                                         Sizes{64, 64},
                                         Sizes{70, 100},
                                         Sizes{16, 1600},   // many panels a part
                                         Sizes{256, 300},   // more than stays near
                                         Sizes{800, 200},   // two blocks along k
                                         Sizes{1600, 40}),  // three
                         [](const testing::TestParamInfo<Sizes>& each) {
                           return std::to_string(each.param.k) + "x" + std::to_string(each.param.n);
                         });

}  // namespace
}  // namespace sluice::engine
