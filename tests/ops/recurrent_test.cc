// recurrent_run.cc, recurrent.cc, cells.cc, gates.cc.

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kNone;

struct RnnRow {
  const char* what;
  std::vector<Attribute> attributes;
  std::vector<float> y;  // Y [3, directions, 1, 1]
  std::vector<float> last;
};

TEST(Rnn, AddsUpOverTimeInEachDirection) {
  // h = 2 * x + 10 * h, by hand; x = 1, 2, 3.
  const Attribute linear = texts("activations", {"Affine"});
  const RnnRow rows[] = {
      {"forward", {linear}, {2, 24, 246}, {246}},
      {"reverse", {linear, text("direction", "reverse")}, {642, 64, 6}, {642}},
      {"alpha and beta",
       {linear, reals("activation_alpha", {0.5F}), reals("activation_beta", {1})},
       {2, 13, 69},
       {69}},
      {"clip", {linear, real("clip", 20)}, {2, 20, 20}, {20}},
      {"relu", {texts("activations", {"relu"})}, {2, 24, 246}, {246}},
  };
  const NamedTensor x = floats({3, 1, 1}, {1, 2, 3});
  const NamedTensor w = floats({1, 1, 1}, {2});
  const NamedTensor r = floats({1, 1, 1}, {10});
  for (const int opset : {1, 7, 14, 22}) {
    for (const RnnRow& row : rows) {
      const auto got = run_op("RNN", {x, w, r}, row.attributes, opset, 2);
      EXPECT_EQ(mismatch(got, floats({3, 1, 1, 1}, row.y)), "") << row.what;
      ASSERT_TRUE(got);
      EXPECT_EQ(floats_of((*got)[1]), row.last) << row.what;
    }
  }
}

TEST(Rnn, StopsEachSequenceAtItsLength) {
  const NamedTensor x = floats({3, 3, 1}, {1, 1, 1, 2, 2, 2, 3, 3, 3});
  const NamedTensor w = floats({2, 1, 1}, {1, 1});
  const NamedTensor r = floats({2, 1, 1}, {10, 10});
  const NamedTensor start = floats({2, 3, 1}, {5, 5, 5, 5, 5, 5});
  const auto got =
      run_op("RNN",
             {x, w, r, kNone, int32s({3}, {3, 1, 0}), start},
             {texts("activations", {"Affine", "Affine"}), text("direction", "bidirectional")},
             14,
             2);
  // [step][direction][sequence]
  EXPECT_EQ(mismatch(got,
                     floats({3, 2, 3, 1},
                            {51,
                             51,
                             0,
                             5321,
                             51,
                             0,  //
                             512,
                             0,
                             0,
                             532,
                             0,
                             0,  //
                             5123,
                             0,
                             0,
                             53,
                             0,
                             0})),
            "");
  ASSERT_TRUE(got);
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{5123, 51, 5, 5321, 51, 5}));
  EXPECT_NE(
      error_of(
          run_op(
              "RNN",
              {x, floats({1, 1, 1}, {1}), floats({1, 1, 1}, {1}), kNone, int32s({3}, {3, 1, 4})}))
          .find("sequence_lens has 4 for 3 steps"),
      std::string::npos);
}

TEST(Rnn, TakesTheBatchFirst) {
  const NamedTensor x = floats({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const auto got = run_op("RNN",
                          {x, floats({1, 1, 1}, {1}), floats({1, 1, 1}, {10})},
                          {texts("activations", {"Affine"}), integer("layout", 1)},
                          14,
                          2);
  EXPECT_EQ(mismatch(got, floats({2, 3, 1, 1}, {1, 12, 123, 4, 45, 456})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[1].shape, (Shape{2, 1, 1}));
  EXPECT_NE(error_of(run_op("RNN",
                            {x, floats({1, 1, 1}, {1}), floats({1, 1, 1}, {10})},
                            {integer("layout", 1)},
                            7))
                .find("'layout'"),
            std::string::npos);
}

// --- against the formulas ------------------------------------------------------------------------

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

struct Case {
  const char* op;
  std::int64_t steps;
  std::int64_t batch;
  std::int64_t features;
  std::int64_t hidden;
  bool biased;
  bool peeps;
  bool behind;
  bool couples;
};

struct Inputs {
  NamedTensor x, w, r, b, h, c, p;
};

Inputs inputs_of(const Case& row, std::uint32_t seed) {
  const std::int64_t gates = std::string(row.op) == "GRU" ? 3 : 4;
  return {.x = random_floats({row.steps, row.batch, row.features}, seed),
          .w = random_floats({1, gates * row.hidden, row.features}, seed + 1),
          .r = random_floats({1, gates * row.hidden, row.hidden}, seed + 2),
          .b = row.biased ? random_floats({1, 2 * gates * row.hidden}, seed + 3) : kNone,
          .h = random_floats({1, row.batch, row.hidden}, seed + 4),
          .c = gates == 4 ? random_floats({1, row.batch, row.hidden}, seed + 5) : kNone,
          .p = row.peeps ? random_floats({1, 3 * row.hidden}, seed + 6) : kNone};
}

// One forward direction, one number after the other, as the specification writes it.
class Naive {
 public:
  Naive(const Case& row, const Inputs& inputs)
      : row_(row),
        x_(floats_of(inputs.x)),
        w_(floats_of(inputs.w)),
        r_(floats_of(inputs.r)),
        b_(row.biased ? floats_of(inputs.b) : std::vector<float>()),
        p_(row.peeps ? floats_of(inputs.p) : std::vector<float>()),
        h_(floats_of(inputs.h)),
        c_(inputs.c.datatype != DataType::undefined ? floats_of(inputs.c) : std::vector<float>()) {}

  std::vector<float> run() {
    std::vector<float> y;
    for (std::int64_t step = 0; step < row_.steps; ++step) {
      for (std::int64_t sequence = 0; sequence < row_.batch; ++sequence) {
        std::string(row_.op) == "GRU" ? gru(step, sequence) : lstm(step, sequence);
      }
      y.insert(y.end(), h_.begin(), h_.end());
    }
    return y;
  }

 private:
  static double at(const std::vector<float>& list, std::int64_t i) {
    return list.empty() ? 0 : static_cast<double>(list[static_cast<std::size_t>(i)]);
  }
  double from_x(std::int64_t gate, std::int64_t i, std::int64_t step, std::int64_t sequence) {
    double sum = at(b_, gate * row_.hidden + i);
    for (std::int64_t k = 0; k < row_.features; ++k) {
      sum += at(x_, (step * row_.batch + sequence) * row_.features + k) *
             at(w_, (gate * row_.hidden + i) * row_.features + k);
    }
    return sum;
  }
  double from_h(std::int64_t gates,
                std::int64_t gate,
                std::int64_t i,
                const std::vector<double>& h) {
    double sum = at(b_, (gates + gate) * row_.hidden + i);
    for (std::int64_t k = 0; k < row_.hidden; ++k) {
      sum += h[static_cast<std::size_t>(k)] * at(r_, (gate * row_.hidden + i) * row_.hidden + k);
    }
    return sum;
  }
  std::vector<double> state(std::int64_t sequence) {
    const auto begin = h_.begin() + sequence * row_.hidden;
    return {begin, begin + row_.hidden};
  }
  void gru(std::int64_t step, std::int64_t sequence) {
    const auto h = state(sequence);
    std::vector<double> z, reset, scaled;
    for (std::int64_t i = 0; i < row_.hidden; ++i) {
      z.push_back(sigmoid(from_x(0, i, step, sequence) + from_h(3, 0, i, h)));
      reset.push_back(sigmoid(from_x(1, i, step, sequence) + from_h(3, 1, i, h)));
      scaled.push_back(reset.back() * h[static_cast<std::size_t>(i)]);
    }
    for (std::int64_t i = 0; i < row_.hidden; ++i) {
      const auto at_i = static_cast<std::size_t>(i);
      const double behind =
          row_.behind ? reset[at_i] * from_h(3, 2, i, h) : from_h(3, 2, i, scaled);
      const double n = std::tanh(from_x(2, i, step, sequence) + behind);
      h_[static_cast<std::size_t>(sequence * row_.hidden + i)] =
          static_cast<float>((1 - z[at_i]) * n + z[at_i] * h[at_i]);
    }
  }
  void lstm(std::int64_t step, std::int64_t sequence) {
    const auto h = state(sequence);
    for (std::int64_t i = 0; i < row_.hidden; ++i) {
      const auto place = static_cast<std::size_t>(sequence * row_.hidden + i);
      const auto sum = [&](std::int64_t gate) {
        return from_x(gate, i, step, sequence) + from_h(4, gate, i, h);
      };
      const double before = at(c_, static_cast<std::int64_t>(place));
      const double in = sigmoid(sum(0) + at(p_, i) * before);
      const double forget =
          row_.couples ? 1 - in : sigmoid(sum(2) + at(p_, 2 * row_.hidden + i) * before);
      const double c = forget * before + in * std::tanh(sum(3));
      const double out = sigmoid(sum(1) + at(p_, row_.hidden + i) * c);
      c_[place] = static_cast<float>(c);
      h_[place] = static_cast<float>(out * std::tanh(c));
    }
  }

  Case row_;
  std::vector<float> x_, w_, r_, b_, p_, h_, c_;
};

TEST(Recurrent, AgreesWithTheFormulas) {
  const Case rows[] = {
      {"GRU", 5, 3, 4, 6, true, false, false, false},
      {"GRU", 4, 2, 3, 5, true, false, true, false},
      {"GRU", 4, 1, 3, 17, false, false, true, false},
      {"GRU", 1, 1, 1, 1, false, false, false, false},
      {"LSTM", 5, 3, 4, 6, true, false, false, false},
      {"LSTM", 4, 2, 3, 17, true, true, false, false},
      {"LSTM", 4, 2, 3, 5, true, false, false, true},
      {"LSTM", 1, 1, 1, 1, false, true, false, false},
      {"LSTM", 3, 1, 7, 32, true, true, false, false},  // whole vectors, and what is left of one
      {"LSTM", 3, 9, 7, 37, true, false, false, false},
      {"GRU", 3, 1, 7, 32, true, false, false, false},
      {"GRU", 3, 9, 7, 37, true, false, true, false},
  };
  std::uint32_t seed = 10;
  for (const Case& row : rows) {
    const Inputs in = inputs_of(row, seed += 10);
    const NamedTensor want = floats({row.steps, 1, row.batch, row.hidden}, Naive(row, in).run());
    const bool is_gru = std::string(row.op) == "GRU";
    std::vector<NamedTensor> inputs{in.x, in.w, in.r, in.b, kNone, in.h};
    std::vector<Attribute> attributes{integer("hidden_size", row.hidden)};
    if (is_gru) {
      attributes.push_back(integer("linear_before_reset", row.behind ? 1 : 0));
    } else {
      inputs.push_back(in.c);
      inputs.push_back(in.p);
      attributes.push_back(integer("input_forget", row.couples ? 1 : 0));
    }
    EXPECT_EQ(mismatch(run_op(row.op, inputs, attributes), want, 1e-5, 2e-6), "")
        << "seed " << seed;
    // With weights that are packed, and by plain loops.
    GraphCase graph;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      names.push_back(inputs[i].datatype == DataType::undefined ? "" : "i" + std::to_string(i));
      if (!names.back().empty()) {
        i == 0 ? graph.input(names.back(), inputs[i]) : graph.constant(names.back(), inputs[i]);
      }
    }
    graph.node(row.op, names, {"", "last"}, attributes).output("last");
    const auto values = floats_of(want);
    const NamedTensor last =
        floats({1, row.batch, row.hidden}, {values.end() - row.batch * row.hidden, values.end()});
    EXPECT_EQ(mismatch(graph.run(), last, 1e-5, 2e-6), "") << "seed " << seed;
    EXPECT_EQ(mismatch(graph.run_reference(), last, 1e-5, 2e-6), "") << "seed " << seed;
  }
}

TEST(Recurrent, WorksInDoubleAndOnNothing) {
  const auto got = run_op(
      "LSTM",
      {doubles({1, 1, 1}, {1}), doubles({1, 4, 1}, {0, 0, 0, 2}), doubles({1, 4, 1}, {1, 1, 1, 1})},
      {},
      14,
      3);
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ(mismatch(got, doubles({1, 1, 1, 1}, {0.5 * std::tanh(0.5 * std::tanh(2.0))}), 1e-12),
            "");
  EXPECT_EQ(mismatch(run_op("GRU",
                            {floats({0, 2, 1}, {}),
                             floats({1, 3, 1}, {1, 1, 1}),
                             floats({1, 3, 1}, {1, 1, 1})}),
                     floats({0, 1, 2, 1}, {})),
            "");
  EXPECT_EQ(mismatch(run_op("GRU",
                            {floats({2, 0, 1}, {}),
                             floats({1, 3, 1}, {1, 1, 1}),
                             floats({1, 3, 1}, {1, 1, 1})}),
                     floats({2, 1, 0, 1}, {})),
            "");
}

TEST(Recurrent, EveryActivationIsWhatItsNameSays) {
  struct Row {
    const char* name;
    std::vector<float> alpha;
    std::vector<float> beta;
    float y[3];  // at -2, 0.25 and NaN
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Row rows[] = {
      {"Sigmoid", {}, {}, {0.11920292F, 0.5621765F, nan}},
      {"Tanh", {}, {}, {-0.9640276F, 0.24491866F, nan}},
      {"Relu", {}, {}, {0, 0.25F, nan}},
      {"Affine", {2}, {1}, {-3, 1.5F, nan}},
      {"LeakyRelu", {}, {}, {-0.02F, 0.25F, nan}},
      {"ThresholdedRelu", {0.25F}, {}, {0, 0, nan}},
      {"ScaledTanh", {2}, {0.5F}, {-1.5231884F, 0.24870601F, nan}},
      {"HardSigmoid", {}, {}, {0.1F, 0.55F, nan}},
      {"Elu", {}, {}, {-0.8646647F, 0.25F, nan}},
      {"Softsign", {}, {}, {-0.6666667F, 0.2F, nan}},
      {"Softplus", {}, {}, {0.1269280F, 0.8259394F, nan}},
  };
  const NamedTensor x = floats({1, 3, 1}, {-2, 0.25F, nan});
  for (const Row& row : rows) {
    std::vector<Attribute> attributes{texts("activations", {row.name})};
    if (!row.alpha.empty()) {
      attributes.push_back(reals("activation_alpha", row.alpha));
    }
    if (!row.beta.empty()) {
      attributes.push_back(reals("activation_beta", row.beta));
    }
    EXPECT_EQ(
        mismatch(run_op("RNN", {x, floats({1, 1, 1}, {1}), floats({1, 1, 1}, {0})}, attributes),
                 floats({1, 1, 3, 1}, {row.y[0], row.y[1], row.y[2]})),
        "")
        << row.name;
    EXPECT_EQ(
        mismatch(
            run_op(
                "RNN",
                {doubles({1, 2, 1}, {-2, 0.25}), doubles({1, 1, 1}, {1}), doubles({1, 1, 1}, {0})},
                attributes),
            doubles({1, 1, 2, 1}, {static_cast<double>(row.y[0]), static_cast<double>(row.y[1])}),
            1e-6),
        "")
        << row.name;
  }
}

TEST(Recurrent, RefusesWhatDoesNotFit) {
  const NamedTensor x = floats({1, 1, 2}, {1, 2});
  const NamedTensor w = floats({1, 4, 2}, std::vector<float>(8, 1));
  const NamedTensor r = floats({1, 4, 1}, std::vector<float>(4, 1));
  struct Row {
    std::vector<NamedTensor> inputs;
    std::vector<Attribute> attributes;
    const char* says;
  };
  const Row rows[] = {
      {{x, r, r}, {}, "W is float32[1,4,1], not float32[1,4,2]"},
      {{x, w, w}, {}, "not float32[1,8,2]"},
      {{x, w, r, floats({1, 4}, {1, 1, 1, 1})}, {}, "B is float32[1,4]"},
      {{x, w, r, kNone, int64s({1}, {1})}, {}, "sequence_lens is int64[1]"},
      {{x, w, r, kNone, kNone, floats({1, 2, 1}, {1, 1})}, {}, "initial_h is"},
      {{x, w, r, kNone, kNone, kNone, floats({1, 2, 1}, {1, 1})}, {}, "initial_c is"},
      {{x, w, r, kNone, kNone, kNone, kNone, floats({1, 1}, {1})}, {}, "P is"},
      {{x, w, r}, {integer("hidden_size", 2)}, "hidden_size is 2"},
      {{x, w, r}, {text("direction", "up")}, "'up'"},
      {{x, w, r}, {texts("activations", {"Tanh"})}, "1 activations, not 3"},
      {{x, w, r}, {texts("activations", {"Tanh", "Tanh", "Sine"})}, "'Sine'"},
      {{x, w, r}, {texts("activations", {"Tanh", "Tanh", "ScaledTanh"})}, "without alpha and beta"},
      {{x, w, r}, {reals("activation_alpha", {1})}, "activation_alpha"},
      {{x, w, r}, {real("clip", -1)}, "clip is"},
      {{x, w, r}, {integer("linear_before_reset", 1)}, "'linear_before_reset'"},
      {{x, w, r}, {integer("layout", 2)}, "layout is 2"},
  };
  for (const Row& row : rows) {
    const std::string says = error_of(run_op("LSTM", row.inputs, row.attributes));
    EXPECT_NE(says.find(row.says), std::string::npos) << says;
  }
}

}  // namespace
}  // namespace sluice::engine
