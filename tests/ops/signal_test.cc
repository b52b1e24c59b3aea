// dft.cc, stft.cc, window.cc, mel.cc of signal/.

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr double kScale = 1e-6;  // of the largest value: what is 0 comes out as a rounding error

TEST(Dft, TransformsRealAndComplexSignals) {
  const NamedTensor real = floats({1, 4, 1}, {1, 2, 3, 4});
  const NamedTensor spectrum = floats({1, 4, 2}, {10, 0, -2, 2, -2, 0, -2, -2});
  EXPECT_EQ(mismatch(run_op("DFT", {real}), spectrum, 1e-6, kScale), "");
  EXPECT_EQ(mismatch(run_op("DFT", {real}, {}, 20), spectrum, 1e-6, kScale), "") << "axis -2";
  EXPECT_EQ(mismatch(run_op("DFT", {real, {}, int64s({}, {1})}, {}, 20), spectrum, 1e-6, kScale),
            "");
  EXPECT_EQ(mismatch(run_op("DFT", {spectrum}, {integer("inverse", 1)}),
                     floats({1, 4, 2}, {1, 0, 2, 0, 3, 0, 4, 0}),
                     1e-6,
                     kScale),
            "");
  EXPECT_EQ(mismatch(run_op("DFT", {real}, {integer("onesided", 1)}),
                     floats({1, 3, 2}, {10, 0, -2, 2, -2, 0}),
                     1e-6,
                     kScale),
            "");
  EXPECT_EQ(mismatch(run_op("DFT", {floats({3, 1, 1}, {1, 2, 3})}),
                     floats({3, 1, 2}, {1, 0, 2, 0, 3, 0})),
            "")
      << "of one element each";
  EXPECT_EQ(mismatch(run_op("DFT", {doubles({3, 1}, {1, 0, 0})}, {integer("axis", 0)}),
                     doubles({3, 2}, {1, 0, 1, 0, 1, 0}),
                     1e-12,
                     1e-12),
            "");
}

TEST(Dft, CutsOrContinuesTheSignal) {
  const NamedTensor real = floats({1, 4, 1}, {1, 2, 3, 4});
  EXPECT_EQ(
      mismatch(
          run_op("DFT", {real, int64s({}, {2})}), floats({1, 2, 2}, {3, 0, -1, 0}), 1e-6, kScale),
      "");
  EXPECT_EQ(mismatch(run_op("DFT", {floats({1, 1, 1}, {1}), int64s({1}, {3})}),
                     floats({1, 3, 2}, {1, 0, 1, 0, 1, 0}),
                     1e-6,
                     kScale),
            "");
}

TEST(Dft, TakesHalfASpectrumBackToARealSignal) {
  const std::vector<Attribute> back{integer("inverse", 1), integer("onesided", 1)};
  EXPECT_EQ(mismatch(run_op("DFT", {floats({1, 3, 2}, {10, 0, -2, 2, -2, 0})}, back, 20),
                     floats({1, 4, 1}, {1, 2, 3, 4}),
                     1e-6,
                     kScale),
            "");
  for (const std::int64_t length : {1, 2, 3, 5, 8, 12}) {
    const NamedTensor x = random_floats({2, length, 1}, 3);
    const NamedTensor size = int64s({}, {length});
    const auto half = run_op("DFT", {x}, {integer("onesided", 1)}, 20);
    ASSERT_TRUE(half) << error_of(half);
    EXPECT_EQ(mismatch(run_op("DFT", {half->front(), size}, back, 20), x, 1e-5, 1e-6), "")
        << length;
  }
}

TEST(Dft, AgreesWithTheSumForEveryLength) {
  constexpr std::uint32_t kSeed = 6;
  for (std::int64_t n = 1; n <= 40; ++n) {
    const NamedTensor x = random_floats({2, n, 3, 2}, kSeed + static_cast<std::uint32_t>(n));
    const std::vector<float> values = floats_of(x);
    std::vector<float> want(values.size());
    for (std::int64_t row = 0; row < 6; ++row) {
      const auto at = [&](std::int64_t i) {
        return static_cast<std::size_t>(((row / 3 * n + i) * 3 + row % 3) * 2);
      };
      for (std::int64_t k = 0; k < n; ++k) {
        std::complex<double> sum;
        for (std::int64_t j = 0; j < n; ++j) {
          const double angle =
              -2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
          const std::complex<double> value(static_cast<double>(values[at(j)]),
                                           static_cast<double>(values[at(j) + 1]));
          sum += value * std::complex<double>(std::cos(angle), std::sin(angle));
        }
        want[at(k)] = static_cast<float>(sum.real());
        want[at(k) + 1] = static_cast<float>(sum.imag());
      }
    }
    const auto got = run_op("DFT", {x});
    EXPECT_EQ(mismatch(got, floats({2, n, 3, 2}, want), 1e-5, 1e-6), "")
        << "length " << n << ", seed " << kSeed;
    ASSERT_TRUE(got);
    EXPECT_EQ(mismatch(run_op("DFT", {got->front()}, {integer("inverse", 1)}), x, 1e-5, 1e-6), "")
        << "and back, length " << n;
  }
}

TEST(Dft, RefusesWhatDoesNotFit) {
  const NamedTensor real = floats({1, 4, 1}, {1, 2, 3, 4});
  EXPECT_NE(error_of(run_op("DFT", {real}, {integer("axis", 2)})).find("parts of complex numbers"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("DFT", {real, {}, int64s({}, {-1})}, {}, 20)).find("axis -1"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("DFT", {real, int64s({}, {0})})).find("transform of 0"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("DFT", {floats({1, 3}, {1, 2, 3})})), "no error");
  EXPECT_NE(error_of(run_op("DFT", {floats({1, 1, 2}, {1, 2})}, {integer("onesided", 1)}))
                .find("complex"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("DFT", {int64s({1, 1, 1}, {1})})).find("int64"), std::string::npos);
}

TEST(Stft, TransformsFrames) {
  const NamedTensor signal = floats({1, 6, 1}, {1, 2, 3, 4, 5, 6});
  const NamedTensor step = int64s({}, {2});
  const NamedTensor want = floats({1, 2, 3, 2}, {10, 0, -2, 2, -2, 0, 18, 0, -2, 2, -2, 0});
  EXPECT_EQ(mismatch(run_op("STFT", {signal, step, {}, int64s({}, {4})}), want, 1e-6, kScale), "");
  EXPECT_EQ(mismatch(run_op("STFT", {signal, step, floats({4}, {1, 1, 1, 1})}), want, 1e-6, kScale),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("STFT", {signal, int64s({}, {4}), floats({2}, {0, 2})}, {integer("onesided", 0)}),
          floats({1, 2, 2, 2}, {4, 0, -4, 0, 12, 0, -12, 0}),
          1e-6,
          kScale),
      "");
  EXPECT_EQ(mismatch(run_op("STFT",
                            {doubles({1, 1, 2}, {3, 4}), step, {}, int64s({}, {1})},
                            {integer("onesided", 0)}),
                     doubles({1, 1, 1, 2}, {3, 4})),
            "");
  EXPECT_NE(error_of(run_op("STFT", {signal, step})).find("neither"), std::string::npos);
  EXPECT_NE(error_of(run_op("STFT", {signal, step, {}, int64s({}, {7})})).find("do not fit"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("STFT", {signal, int64s({}, {0}), {}, int64s({}, {2})})).find("do not fit"),
      std::string::npos);
  EXPECT_NE(error_of(run_op("STFT", {floats({1, 1, 2}, {3, 4}), step, {}, int64s({}, {1})}))
                .find("complex"),
            std::string::npos);
}

TEST(Window, FadesInAndOut) {
  const NamedTensor four = int64s({}, {4});
  const NamedTensor five = int32s({}, {5});
  const std::vector<Attribute> symmetric{integer("periodic", 0)};
  EXPECT_EQ(mismatch(run_op("HannWindow", {four}), floats({4}, {0, 0.5F, 1, 0.5F}), 1e-6, kScale),
            "");
  EXPECT_EQ(mismatch(run_op("HannWindow", {five}, symmetric),
                     floats({5}, {0, 0.5F, 1, 0.5F, 0}),
                     1e-6,
                     kScale),
            "");
  EXPECT_EQ(mismatch(run_op("HammingWindow", {four}),
                     floats({4}, {2.0F / 23, 25.0F / 46, 1, 25.0F / 46})),
            "");
  EXPECT_EQ(
      mismatch(run_op("BlackmanWindow", {four}), floats({4}, {0, 0.34F, 1, 0.34F}), 1e-6, kScale),
      "");
  EXPECT_EQ(mismatch(run_op("HannWindow",
                            {int64s({}, {3})},
                            {integer("output_datatype", 2), integer("periodic", 0)}),
                     uint8s({3}, {0, 1, 0})),
            "");
  EXPECT_EQ(mismatch(run_op("HannWindow", {four}, {integer("output_datatype", 10)}),
                     halves({4}, {0, 0.5F, 1, 0.5F}),
                     1e-3,
                     1e-3),
            "");
  EXPECT_EQ(mismatch(run_op("HannWindow", {int64s({}, {1})}, symmetric), floats({1}, {1})), "");
  EXPECT_EQ(mismatch(run_op("HannWindow", {int64s({}, {0})}), floats({0}, {})), "");
  EXPECT_NE(error_of(run_op("HannWindow", {int64s({}, {-1})})).find("window of -1"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("HannWindow", {four}, {integer("output_datatype", 8)})).find("string"),
            std::string::npos);
}

TEST(MelWeightMatrix, IsTheExampleOfTheSpecification) {
  const std::vector<NamedTensor> inputs{
      int32s({}, {8}), int32s({}, {16}), int32s({}, {8192}), floats({}, {0}), floats({}, {4096})};
  std::vector<float> want(9 * 8, 0.0F);
  const std::pair<int, int> ones[] = {
      {0, 0}, {0, 1}, {1, 2}, {1, 3}, {2, 4}, {3, 5}, {4, 6}, {5, 7}};
  for (const auto& [bin, mel] : ones) {
    want[static_cast<std::size_t>(bin * 8 + mel)] = 1;
  }
  EXPECT_EQ(mismatch(run_op("MelWeightMatrix", inputs), floats({9, 8}, want)), "");
  EXPECT_EQ(mismatch(run_op("MelWeightMatrix", inputs, {integer("output_datatype", 11)}),
                     doubles({9, 8}, std::vector<double>(want.begin(), want.end()))),
            "");
  std::vector<NamedTensor> turned = inputs;
  turned[4] = floats({}, {-1});
  EXPECT_NE(error_of(run_op("MelWeightMatrix", turned)).find("no mel weights"), std::string::npos);
  turned[4] = floats({}, {std::numeric_limits<float>::quiet_NaN()});
  EXPECT_NE(error_of(run_op("MelWeightMatrix", turned)).find("no mel weights"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
