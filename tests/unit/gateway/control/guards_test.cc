#include "gateway/control/guards.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

using VerdictKind = Verdict::Kind;

ModelInfo model(std::vector<ValueInfo> inputs, std::vector<ValueInfo> outputs) {
  ModelInfo info;
  info.inputs = std::move(inputs);
  info.outputs = std::move(outputs);
  return info;
}

const ValueInfo kX{"x", DataType::float32, {-1, 64}, false};
const ValueInfo kY{"y", DataType::float32, {-1, 10}, false};
const ValueInfo kZ{"z", DataType::int64, {}, false};

TEST(Signature, IsComparedInWords) {
  struct Case {
    ModelInfo before;
    ModelInfo after;
    std::string words;
  };
  const ValueInfo narrow{"x", DataType::float32, {-1, 32}, false};
  const ValueInfo fixed{"x", DataType::float32, {1, 64}, false};
  const ValueInfo integer{"x", DataType::int64, {-1, 64}, false};
  const ValueInfo optional{"o", DataType::float32, {1}, true};
  const ValueInfo required{"o", DataType::float32, {1}, false};
  const std::vector<Case> cases = {
      {model({kX}, {kY}), model({kX}, {kY}), ""},
      {model({kX, kZ}, {kY}), model({kZ, kX}, {kY}), ""},
      {model({kX}, {kY}), model({narrow}, {kY}), "input 'x': shape [-1,64] became [-1,32]"},
      {model({kX}, {kY}), model({fixed}, {kY}), "input 'x': shape [-1,64] became [1,64]"},
      {model({kX}, {kY}), model({integer}, {kY}), "input 'x': datatype float32 became int64"},
      {model({kX}, {kY}), model({kX}, {kY, kZ}), "output 'z' is new"},
      {model({kX, kZ}, {kY}),
       model({kX}, {kZ}),
       "input 'z' is gone; output 'y' is gone; output 'z' is new"},
      {model({kX}, {kY}), model({kX, optional}, {kY}), ""},
      {model({kX, optional}, {kY}),
       model({kX, required}, {kY}),
       "input 'o': was optional and is required"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(signature_difference(each.before, each.after), each.words);
  }
}

TEST(Signature, IsUndecidedUntilTheNewOneIsKnownAndCanBeAllowed) {
  const ModelInfo before = model({kX}, {kY});
  const ModelInfo after = model({kZ}, {kY});
  EXPECT_EQ(judge_signature({.old_info = &before}).kind, VerdictKind::undecided);
  EXPECT_EQ(judge_signature({.new_info = &after}).kind, VerdictKind::pass);
  EXPECT_EQ(judge_signature({.old_info = &before, .new_info = &after}).kind, VerdictKind::fail);
  EXPECT_EQ(
      judge_signature({.old_info = &before, .new_info = &after, .allow_signature_change = true})
          .kind,
      VerdictKind::pass);
}

TEST(ServerErrors, AreComparedBetweenOldAndNew) {
  struct Case {
    AnswerCounts before;
    AnswerCounts after;
    VerdictKind verdict;
  };
  const std::vector<Case> cases = {
      {{1'000, 0}, {0, 0}, VerdictKind::undecided},
      {{1'000, 0}, {45, 4}, VerdictKind::undecided},  // few answers, few errors
      {{1'000, 0}, {46, 4}, VerdictKind::pass},
      {{1'000, 0}, {0, 5}, VerdictKind::fail},      // few answers, and all are errors
      {{1'000, 0}, {1'000, 5}, VerdictKind::pass},  // 0.5 percent: within the share allowed
      {{1'000, 0}, {200, 5}, VerdictKind::fail},    // 2.4 percent
      {{900, 100}, {85, 15}, VerdictKind::pass},    // both have trouble
      {{900, 100}, {75, 25}, VerdictKind::fail},    // but one has more than twice as much
      {{0, 0}, {90, 10}, VerdictKind::fail},        // no answers of the old to excuse it
  };
  for (const Case& each : cases) {
    EXPECT_EQ(judge_server_errors({.old_counts = each.before, .new_counts = each.after}).kind,
              each.verdict)
        << each.after.ok << " " << each.after.server_errors;
  }
}

TEST(Finite, ANewNaNIsRefusedAndAnOldOneIsNot) {
  const ModelInfo before = model({kX}, {kY});
  GuardFacts facts;
  facts.new_finite = false;
  EXPECT_EQ(judge_finite(facts).kind, VerdictKind::pass) << "nothing is replaced";
  facts.old_info = &before;
  EXPECT_EQ(judge_finite(facts).kind, VerdictKind::fail);
  facts.old_finite = false;
  EXPECT_EQ(judge_finite(facts).kind, VerdictKind::pass);
  facts.old_finite = true;
  facts.new_finite.reset();
  EXPECT_EQ(judge_finite(facts).kind, VerdictKind::undecided);
  facts.new_finite = true;
  EXPECT_EQ(judge_finite(facts).kind, VerdictKind::pass);
}

TEST(Guarded, ANewVersionThatAnswersNaNIsRolledBack) {
  FleetStage stage;
  stage.infos[1] = stage.infos[2] = {};
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.workers.at("n/m/2.bbbbbb/0").finite = false;
  stage.ready(2);
  EXPECT_EQ(stage.routes(),
            "1:ready:100 2:failed(probe: its answer has NaN or infinity, and that of the version "
            "before has none)");
}

TEST(Guards, OfOthersAreAskedInTheirStage) {
  const Guard guards[] = {
      {"answers",
       GuardStage::before_switch,
       [](const GuardFacts&) -> Verdict {
         return {VerdictKind::undecided, {}};
       }},
      {"latency",
       GuardStage::while_both_serve,
       [](const GuardFacts& facts) -> Verdict {
         return facts.both_serve > std::chrono::seconds(1) ? Verdict{VerdictKind::fail, "slow"}
                                                           : Verdict{};
       }},
  };
  EXPECT_EQ(judge(guards, GuardStage::before_switch, {}).kind, VerdictKind::undecided);
  EXPECT_EQ(judge(guards, GuardStage::while_both_serve, {}).kind, VerdictKind::pass);
  EXPECT_EQ(
      judge(guards, GuardStage::while_both_serve, {.both_serve = std::chrono::seconds(2)}).reason,
      "latency: slow");
}

}  // namespace
}  // namespace sluice::gateway
