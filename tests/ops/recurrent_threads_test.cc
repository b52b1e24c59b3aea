// recurrent_run.cc, recurrent_bound.cc: two directions side by side.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"
#include "worker/threads/team.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

struct Case {
  const char* op;
  const char* direction;
  std::int64_t gates;
  std::int64_t batch;
  bool packed;   // the weights are constants
  bool lengths;  // the sequences have some of their own
};

constexpr std::int64_t kSteps = 5;
constexpr std::int64_t kFeatures = 7;
constexpr std::int64_t kHidden = 24;

struct Ran {
  std::vector<NamedTensor> outputs;
  std::uint64_t regions = 0;
};

// Twice: the second run meets what the first has left in its memory.
void run(const Case& row, int threads, Ran& ran) {
  const std::int64_t directions = std::string_view(row.direction) == "bidirectional" ? 2 : 1;
  const NamedTensor x = random_floats({kSteps, row.batch, kFeatures}, 1);
  const NamedTensor w = random_floats({directions, row.gates * kHidden, kFeatures}, 2);
  const NamedTensor r = random_floats({directions, row.gates * kHidden, kHidden}, 3);
  GraphCase graph;
  graph.input("x", x);
  row.packed ? graph.constant("w", w) : graph.input("w", w);
  row.packed ? graph.constant("r", r) : graph.input("r", r);
  graph.constant("b", random_floats({directions, 2 * row.gates * kHidden}, 4));
  std::vector<std::int32_t> lengths;
  for (std::int64_t sequence = 0; sequence < row.batch; ++sequence) {
    lengths.push_back(static_cast<std::int32_t>(kSteps - sequence % 3));
  }
  graph.constant("lengths", int32s({row.batch}, lengths));
  graph.node(row.op,
             {"x", "w", "r", "b", row.lengths ? "lengths" : ""},
             {"y", "last"},
             {text("direction", row.direction), integer("hidden_size", kHidden)});
  graph.output("y").output("last");
  auto model = graph.model();
  ASSERT_TRUE(model) << model.error().detail;
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  const auto session = make_session(*std::move(model), threads, registry, {});
  ASSERT_TRUE(session) << session.error().detail;
  const auto execution = (*session)->new_execution();
  const std::vector<NamedTensor> inputs = row.packed ? std::vector{x} : std::vector{x, w, r};
  for (int turn = 0; turn < 2; ++turn) {
    const std::uint64_t before = region_count();
    auto outputs = model::run_tensors(*execution, (*session)->info(), inputs, {0, 1});
    ASSERT_TRUE(outputs) << outputs.error().detail;
    ran.outputs = *std::move(outputs);
    ran.regions = region_count() - before;
  }
}

// On a thread of its own, whose team nobody has used.
Ran ran_by(const Case& row, int threads) {
  Ran ran;
  std::thread([&] { run(row, threads, ran); }).join();
  return ran;
}

TEST(RecurrentThreads, AnswerWithTheSameBitsForEachDirection) {
  const Case rows[] = {
      {"LSTM", "bidirectional", 4, 1, true, false},
      {"LSTM", "bidirectional", 4, 3, true, true},
      {"LSTM", "bidirectional", 4, 3, false, true},
      {"GRU", "bidirectional", 3, 1, true, false},
      {"GRU", "bidirectional", 3, 4, true, true},
      {"RNN", "bidirectional", 1, 2, false, false},
      {"LSTM", "forward", 4, 2, true, false},
      {"LSTM", "reverse", 4, 2, true, true},
  };
  for (const Case& row : rows) {
    const Ran alone = ran_by(row, 1);
    EXPECT_EQ(alone.regions, 0U);
    for (const int threads : {2, 3, 5}) {
      const Ran together = ran_by(row, threads);
      if (row.packed) {  // one for all steps, however many they are; oneDNN has regions of its own
        const bool both = std::string_view(row.direction) == "bidirectional";
        EXPECT_EQ(together.regions, both ? 1U : 0U) << row.op << " by " << threads;
      }
      ASSERT_EQ(together.outputs.size(), alone.outputs.size());
      for (std::size_t i = 0; i < alone.outputs.size(); ++i) {
        const auto want = alone.outputs[i].data.bytes();
        const auto got = together.outputs[i].data.bytes();
        ASSERT_EQ(got.size(), want.size());
        EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size()), 0)
            << row.op << ' ' << row.direction << " of " << row.batch << " by " << threads;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::engine
