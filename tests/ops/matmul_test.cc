// matmul.cc, softmax.cc.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/ops/detail/gemm_call.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(OpenBlas, IsTheSerialBuild) {
  EXPECT_EQ(detail::openblas_parallel(), 0);
}

// Several executors of a process, and the lanes of one run, multiply at once.
TEST(OpenBlas, ThreadsDoNotShareABuffer) {
  constexpr std::int64_t kSide = 32;
  const detail::GemmShape shape{.m = kSide, .n = kSide, .k = kSide};
  const std::vector<double> a(kSide * kSide, 0.5);
  std::atomic<std::int64_t> wrong = 0;
  const auto multiply = [&](double number) {
    const std::vector<double> b(kSide * kSide, number);
    std::vector<double> c(kSide * kSide);
    for (int turn = 0; turn < 20'000; ++turn) {
      detail::gemm_float64(shape, a.data(), b.data(), c.data());
      wrong += std::ranges::count_if(c, [&](double got) { return got != 0.5 * kSide * number; });
    }
  };
  std::vector<std::thread> threads;
  for (const double number : {1.0, 2.0, 4.0, 8.0}) {
    threads.emplace_back(multiply, number);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST(MatMul, FollowsNumpyForEveryRank) {
  const NamedTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(mismatch(run_op("MatMul", {a, floats({3, 2}, {1, 0, 0, 1, 1, 1})}),
                     floats({2, 2}, {4, 5, 10, 11})),
            "");
  EXPECT_EQ(mismatch(run_op("MatMul", {a, floats({3}, {1, 10, 100})}), floats({2}, {321, 654})),
            "");
  EXPECT_EQ(mismatch(run_op("MatMul", {floats({2}, {1, 10}), a}), floats({3}, {41, 52, 63})), "");
  EXPECT_EQ(
      mismatch(run_op("MatMul", {floats({2}, {1, 10}), floats({2}, {3, 4})}), floats({}, {43})),
      "");
  EXPECT_EQ(
      mismatch(run_op("MatMul", {floats({2, 1, 2}, {1, 2, 3, 4}), floats({2, 2}, {1, 0, 0, 1})}),
               floats({2, 1, 2}, {1, 2, 3, 4})),
      "");
  EXPECT_EQ(mismatch(run_op("MatMul", {floats({2, 0}, {}), floats({0, 3}, {})}),
                     floats({2, 3}, {0, 0, 0, 0, 0, 0})),
            "");
  EXPECT_EQ(mismatch(run_op("MatMul", {int32s({1, 2}, {3, 4}), int32s({2, 1}, {5, -6})}),
                     int32s({1, 1}, {-9}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("MatMul", {doubles({1, 2}, {3, 4}), doubles({2, 1}, {0.5, -6})}),
                     doubles({1, 1}, {-22.5})),
            "");
  EXPECT_NE(error_of(run_op("MatMul", {a, a})).find("cannot be multiplied"), std::string::npos);
}

TEST(MatMul, AgreesWithTheScalarLoops) {
  const std::pair<Shape, Shape> rows[] = {{{4, 5}, {5, 7}},
                                          {{2, 3, 4, 5}, {5, 7}},
                                          {{2, 3, 4, 5}, {2, 1, 5, 3}},
                                          {{1, 4, 5}, {6, 5, 2}},
                                          {{33, 70}, {70, 129}},
                                          {{2, 4, 1, 8}, {2, 4, 8, 67}},
                                          {{2, 4, 1, 67}, {2, 1, 67, 8}},
                                          {{4, 70}, {70, 129}},
                                          {{3, 1, 1}, {3, 1, 1}},
                                          {{6, 3, 5}, {6, 5, 33}}};
  for (const auto& [a, b] : rows) {
    for (const bool constant : {false, true}) {
      GraphCase graph;
      graph.input("a", random_floats(a, 1));
      constant ? graph.constant("b", random_floats(b, 2)) : graph.input("b", random_floats(b, 2));
      graph.node("MatMul", {"a", "b"}, {"y"}).output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-6), "") << to_string(b);
    }
  }
}

// Few rows, as a decoder has them: B as it lies and transposed, of every rest of a vector.
TEST(MatMul, OfFewRowsAgreesWithTheScalarLoops) {
  for (const std::int64_t rows : {1, 2, 4, 5}) {
    for (const std::int64_t k : {1, 3, 8, 19, 64}) {
      for (const std::int64_t transposed : {0, 1}) {
        GraphCase graph;
        graph.input("a", random_floats({rows, k}, 1))
            .input("b", random_floats(transposed != 0 ? Shape{41, k} : Shape{k, 41}, 2))
            .input("c", random_floats({41}, 3))
            .node("Gemm", {"a", "b", "c"}, {"h"}, {integer("transB", transposed), real("alpha", 2)})
            .node("Relu", {"h"}, {"y"})
            .output("y");
        const auto want = graph.run_reference();
        ASSERT_TRUE(want) << error_of(want);
        EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-6), "")
            << rows << " rows of " << k << ", B transposed: " << transposed;
      }
    }
  }
}

// A small constant B is multiplied in tiles, whose sizes every number of rows and columns meets.
TEST(MatMul, OfASmallConstantAgreesWithTheScalarLoops) {
  for (std::int64_t rows = 1; rows <= 38; ++rows) {
    for (const std::int64_t columns : {1, 16, 20, 40, 96, 130, 260}) {
      GraphCase graph;
      graph.input("a", random_floats({rows, 19}, 1)).constant("b", random_floats({19, columns}, 2));
      graph.constant("c", random_floats({columns}, 3));
      graph.node("Gemm", {"a", "b", "c"}, {"h"}).node("Relu", {"h"}, {"y"}).output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-6), "") << rows << " x " << columns;
    }
  }
}

TEST(MatMul, ARowDoesNotDependOnItsCompany) {
  struct Case {
    std::int64_t k;
    std::int64_t n;
  };
  const Case cases[] = {{70, 50}, {300, 250}};
  for (const auto& [k, n] : cases) {
    const NamedTensor b = random_floats({k, n}, 2);
    const auto rows = floats_of(random_floats({16, k}, 1));
    GraphCase together;
    together.input("a", floats({16, k}, rows)).constant("b", b);
    together.node("MatMul", {"a", "b"}, {"y"}).output("y");
    const auto all = together.run();
    ASSERT_TRUE(all) << error_of(all);
    const auto values = floats_of(all->front());
    for (std::int64_t i = 0; i < 16; ++i) {
      GraphCase alone;
      const auto begin = rows.begin() + i * k;
      alone.input("a", floats({1, k}, std::vector<float>(begin, begin + k))).constant("b", b);
      alone.node("MatMul", {"a", "b"}, {"y"}).output("y");
      const auto one = alone.run();
      ASSERT_TRUE(one) << error_of(one);
      const auto got = floats_of(one->front());
      for (std::int64_t c = 0; c < n; ++c) {
        ASSERT_EQ(got[static_cast<std::size_t>(c)], values[static_cast<std::size_t>(i * n + c)])
            << "row " << i << " column " << c;
      }
    }
  }
}

TEST(Gemm, TransposesScalesAndAddsC) {
  const NamedTensor a = floats({3, 2}, {1, 4, 2, 5, 3, 6});
  const NamedTensor b = floats({2, 3}, {1, 0, 1, 0, 1, 1});
  const std::vector<Attribute> attributes{
      integer("transA", 1), integer("transB", 1), real("alpha", 2), real("beta", 0.5F)};
  const NamedTensor cs[] = {floats({}, {10}),
                            floats({2}, {10, 20}),
                            floats({2, 1}, {10, 20}),
                            floats({2, 2}, {10, 20, 30, 40})};
  const NamedTensor wants[] = {floats({2, 2}, {13, 15, 25, 27}),
                               floats({2, 2}, {13, 20, 25, 32}),
                               floats({2, 2}, {13, 15, 30, 32}),
                               floats({2, 2}, {13, 20, 35, 42})};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(mismatch(run_op("Gemm", {a, b, cs[i]}, attributes), wants[i]), "") << i;
    GraphCase graph;
    graph.input("a", a).constant("b", b).constant("c", cs[i]);
    graph.node("Gemm", {"a", "b", "c"}, {"y"}, attributes).output("y");
    EXPECT_EQ(mismatch(graph.run(), wants[i]), "") << "constant " << i;
    EXPECT_EQ(mismatch(graph.run_reference(), wants[i]), "") << "reference " << i;
  }
  EXPECT_EQ(mismatch(run_op("Gemm", {a, b}, {integer("transA", 1), integer("transB", 1)}),
                     floats({2, 2}, {4, 5, 10, 11})),
            "");
  EXPECT_NE(error_of(run_op("Gemm", {a, a})), "no error");
  EXPECT_NE(error_of(run_op("Gemm", {a, b, floats({3}, {1, 2, 3})}, attributes)), "no error");
}

TEST(Gemm, TakesItsActivationAlong) {
  for (const bool constant : {false, true}) {
    for (const float alpha : {1.0F, 0.5F}) {
      GraphCase graph;
      const NamedTensor b = random_floats({6, 5}, 2);
      graph.input("a", random_floats({4, 6}, 1)).constant("c", random_floats({5}, 3));
      constant ? graph.constant("b", b) : graph.input("b", b);
      graph.node("Gemm", {"a", "b"}, {"g"}, {real("alpha", alpha)});
      graph.node("Add", {"g", "c"}, {"s"}).node("Relu", {"s"}, {"y"}).output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-6), "");
      EXPECT_EQ(graph.figures().steps, 1U);
    }
  }
}

TEST(MatMul, KeepsNanThroughAFusedActivation) {
  GraphCase graph;
  graph.input("a", floats({2, 2}, {kNan, 1, 1, 2})).constant("b", random_floats({2, 3}, 2));
  graph.node("MatMul", {"a", "b"}, {"m"}).node("Relu", {"m"}, {"y"}).output("y");
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5), "");
}

// Rows of less than a vector, of one and of more; an odd number of them.
TEST(Softmax, RowsOfAnyLengthAddUpToOne) {
  for (const std::int64_t length : {1, 5, 8, 15, 16, 17, 40}) {
    const Shape shape{7, length};
    const NamedTensor x = random_floats(shape, 3);
    const auto got = run_op("Softmax", {x});
    ASSERT_TRUE(got) << error_of(got);
    const auto in = floats_of(x);
    std::vector<float> want;
    for (std::size_t row = 0; row < 7; ++row) {
      double sum = 0;
      const auto width = static_cast<std::size_t>(length);
      for (std::size_t i = 0; i < width; ++i) {
        sum += std::exp(static_cast<double>(in[row * width + i]));
      }
      for (std::size_t i = 0; i < width; ++i) {
        want.push_back(
            static_cast<float>(std::exp(static_cast<double>(in[row * width + i])) / sum));
      }
    }
    EXPECT_EQ(mismatch(got, floats(shape, want), 1e-6), "") << length;
  }
  const NamedTensor odd = floats({2, 3}, {0, std::numeric_limits<float>::quiet_NaN(), 1, 0, 0, 0});
  const auto got = run_op("Softmax", {odd});
  ASSERT_TRUE(got) << error_of(got);
  const auto values = floats_of((*got)[0]);
  EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[2]));
  EXPECT_NEAR(values[4], 1.0F / 3, 1e-6F);
}

TEST(Softmax, RunsAlongItsAxis) {
  const NamedTensor x = floats({2, 2}, {0, 0, 1, 2});
  EXPECT_EQ(mismatch(run_op("Softmax", {x}), floats({2, 2}, {0.5F, 0.5F, 0.26894143F, 0.7310586F})),
            "");
  EXPECT_EQ(mismatch(run_op("Softmax", {x}, {integer("axis", 0)}),
                     floats({2, 2}, {0.26894143F, 0.11920292F, 0.7310586F, 0.88079708F})),
            "");
  EXPECT_EQ(mismatch(run_op("Softmax", {floats({1, 2, 2}, {0, 0, 0, 0})}, {}, 11),
                     floats({1, 2, 2}, {0.25F, 0.25F, 0.25F, 0.25F})),
            "")
      << "before opset 13 everything behind the axis is one row";
  EXPECT_EQ(mismatch(run_op("LogSoftmax", {floats({2}, {0, 0})}),
                     floats({2}, {-0.6931472F, -0.6931472F})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Softmax", {floats({3}, {1000, 1000, -kInf})}), floats({3}, {0.5F, 0.5F, 0})),
      "");
  EXPECT_EQ(mismatch(run_op("Softmax", {floats({2, 2}, {kNan, 0, 0, 0})}),
                     floats({2, 2}, {kNan, kNan, 0.5F, 0.5F})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Softmax", {doubles({2}, {0, std::log(3.0)})}), doubles({2}, {0.25, 0.75})),
      "");
  EXPECT_EQ(mismatch(run_op("Softmax", {floats({0, 4}, {})}), floats({0, 4}, {})), "");
  EXPECT_NE(error_of(run_op("Softmax", {x}, {integer("axis", 2)})), "no error");
}

}  // namespace
}  // namespace sluice::engine
