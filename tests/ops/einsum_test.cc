// einsum.cc, einsum_equation.cc.

#include <algorithm>
#include <array>
#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

Result<std::vector<NamedTensor>> einsum(const std::string& equation,
                                        const std::vector<NamedTensor>& operands) {
  return run_op("Einsum", operands, {text("equation", equation)}, 12);
}

TEST(Einsum, IsManyOperators) {
  const NamedTensor a = int64s({2, 3}, {1, 2, 3, 4, 5, 6});
  const NamedTensor b = int64s({3, 2}, {1, 0, 0, 1, 1, 1});
  const NamedTensor square = int64s({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(mismatch(einsum("ij->ji", {a}), int64s({3, 2}, {1, 4, 2, 5, 3, 6})), "") << "transpose";
  EXPECT_EQ(mismatch(einsum("ij->", {a}), int64s({}, {21})), "") << "sum";
  EXPECT_EQ(mismatch(einsum("ij->i", {a}), int64s({2}, {6, 15})), "");
  EXPECT_EQ(mismatch(einsum("ii->i", {square}), int64s({2}, {1, 4})), "") << "diagonal";
  EXPECT_EQ(mismatch(einsum("ii", {square}), int64s({}, {5})), "") << "trace";
  EXPECT_EQ(mismatch(einsum("ij,jk->ik", {a, b}), int64s({2, 2}, {4, 5, 10, 11})), "") << "product";
  EXPECT_EQ(mismatch(einsum(" i j , j k ", {a, b}), int64s({2, 2}, {4, 5, 10, 11})), "")
      << "implicit";
  EXPECT_EQ(mismatch(einsum("ba", {a}), int64s({3, 2}, {1, 4, 2, 5, 3, 6})), "")
      << "implicit, by the alphabet";
  EXPECT_EQ(mismatch(einsum("i,j->ij", {int64s({2}, {1, 2}), int64s({2}, {3, 4})}),
                     int64s({2, 2}, {3, 4, 6, 8})),
            "");
  EXPECT_EQ(mismatch(einsum("i,i->", {int64s({2}, {1, 2}), int64s({2}, {3, 4})}), int64s({}, {11})),
            "");
  EXPECT_EQ(mismatch(einsum("ij,jk,kl->il", {a, b, square}), int64s({2, 2}, {19, 28, 43, 64})), "");
  EXPECT_EQ(mismatch(einsum(",i->i", {int64s({}, {3}), int64s({2}, {1, 2})}), int64s({2}, {3, 6})),
            "");
}

TEST(Einsum, BroadcastsEllipsesAndOnes) {
  const NamedTensor a = floats({2, 1, 2}, {1, 2, 3, 4});
  const NamedTensor b = floats({2, 2}, {1, 0, 0, 2});
  EXPECT_EQ(mismatch(einsum("...ij,...jk->...ik", {a, b}), floats({2, 1, 2}, {1, 4, 3, 8})), "");
  EXPECT_EQ(mismatch(einsum("...i->...", {a}), floats({2, 1}, {3, 7})), "");
  EXPECT_EQ(mismatch(einsum("i...,i...->i...", {b, floats({2, 1}, {3, 5})}),
                     floats({2, 2}, {3, 0, 0, 10})),
            "");
  EXPECT_EQ(
      mismatch(einsum("ij,jk->ik", {floats({2, 1}, {1, 2}), b}), floats({2, 2}, {1, 2, 2, 4})), "")
      << "an extent of 1 stretches";
  EXPECT_EQ(mismatch(einsum("ij,jk->ik", {floats({2, 0}, {}), floats({0, 2}, {})}),
                     floats({2, 2}, {0, 0, 0, 0})),
            "");
  EXPECT_EQ(mismatch(einsum("ij,jk->ik", {floats({0, 2}, {}), b}), floats({0, 2}, {})), "");
}

TEST(Einsum, RefusesEquationsThatDoNotFit) {
  const NamedTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_NE(error_of(einsum("ij->ik", {a})).find("no operand has"), std::string::npos);
  EXPECT_NE(error_of(einsum("ij->ii", {a})).find("twice"), std::string::npos);
  EXPECT_NE(error_of(einsum("i1", {a})).find("letters"), std::string::npos);
  EXPECT_NE(error_of(einsum("...i...", {a})).find("two ellipses"), std::string::npos);
  EXPECT_NE(error_of(einsum("ijk", {a})).find("3 axes"), std::string::npos);
  EXPECT_NE(error_of(einsum("ij,jk", {a})).find("has 2 operands, the node 1"), std::string::npos);
  EXPECT_NE(error_of(einsum("ij,jk", {a, a})).find("does not fit"), std::string::npos);
  EXPECT_NE(error_of(einsum("i...->i", {a})).find("no ellipsis"), std::string::npos);
  EXPECT_NE(error_of(einsum("ij,ij", {a, doubles({2, 3}, {1, 2, 3, 4, 5, 6})})).find("float64"),
            std::string::npos);
}

TEST(Einsum, AgreesWithAPlainLoopForRandomEquations) {
  constexpr std::uint32_t kSeed = 17;
  std::mt19937 random(kSeed);
  constexpr std::array<std::int64_t, 5> kExtents{2, 3, 1, 4, 2};  // of a to e
  for (int round = 0; round < 200; ++round) {
    // Two or three operands of one to three axes; the result has some of the letters.
    std::vector<std::string> terms;
    std::vector<NamedTensor> operands;
    std::vector<std::vector<float>> values;
    std::string seen;
    const auto count = random() % 2 + 2;
    for (std::size_t i = 0; i < count; ++i) {
      std::string term;
      Shape dims;
      for (std::size_t d = 0; d < random() % 3 + 1; ++d) {
        const char letter = static_cast<char>('a' + random() % 5);
        term += letter;
        dims.push_back(kExtents[static_cast<std::size_t>(letter - 'a')]);
        seen += seen.find(letter) == std::string::npos ? std::string(1, letter) : "";
      }
      terms.push_back(term);
      operands.push_back(random_floats(dims, static_cast<std::uint32_t>(random())));
      values.push_back(floats_of(operands.back()));
    }
    std::string out;
    Shape out_dims;
    std::shuffle(seen.begin(), seen.end(), random);
    for (const char letter : seen) {
      if (random() % 2 == 0) {
        out += letter;
        out_dims.push_back(kExtents[static_cast<std::size_t>(letter - 'a')]);
      }
    }
    std::int64_t size = 1;
    for (const std::int64_t extent : out_dims) {
      size *= extent;
    }
    std::vector<double> sums(static_cast<std::size_t>(size));
    std::array<std::int64_t, 5> at{};
    const auto place = [&](const std::string& term) {
      std::int64_t offset = 0;
      for (const char letter : term) {
        const auto label = static_cast<std::size_t>(letter - 'a');
        offset = offset * kExtents[label] + at[label];
      }
      return static_cast<std::size_t>(offset);
    };
    std::int64_t total = 1;
    for (const char letter : seen) {
      total *= kExtents[static_cast<std::size_t>(letter - 'a')];
    }
    for (std::int64_t n = 0; n < total; ++n) {
      std::int64_t rest = n;
      for (const char letter : seen) {
        const auto label = static_cast<std::size_t>(letter - 'a');
        at[label] = rest % kExtents[label];
        rest /= kExtents[label];
      }
      double product = 1;
      for (std::size_t i = 0; i < terms.size(); ++i) {
        product *= static_cast<double>(values[i][place(terms[i])]);
      }
      sums[place(out)] += product;
    }
    std::string equation;
    for (const std::string& term : terms) {
      equation += (equation.empty() ? "" : ",") + term;
    }
    equation += "->" + out;
    EXPECT_EQ(mismatch(einsum(equation, operands),
                       floats(out_dims, std::vector<float>(sums.begin(), sums.end())),
                       1e-5,
                       1e-5),
              "")
        << equation << " round " << round << ", seed " << kSeed;
  }
}

}  // namespace
}  // namespace sluice::engine
