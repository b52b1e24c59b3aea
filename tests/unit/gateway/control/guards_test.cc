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

TEST(WorkerDeaths, AreComparedBetweenOldAndNew) {
  struct Case {
    Deaths before;
    Deaths after;
    VerdictKind verdict;
  };
  const std::vector<Case> cases = {
      {{}, {}, VerdictKind::pass},
      {{}, {1, 0}, VerdictKind::pass},  // once is what a single poison request may cost
      {{}, {2, 0}, VerdictKind::fail},
      {{1, 0}, {2, 0}, VerdictKind::fail},
      {{2, 0}, {2, 0}, VerdictKind::pass},  // what kills both is the requests' fault
      {{3, 0}, {2, 0}, VerdictKind::pass},
      {{}, {0, 2}, VerdictKind::pass},  // twice from outside proves nothing
      {{}, {0, 3}, VerdictKind::fail},  // for want of memory
      {{}, {1, 1}, VerdictKind::pass},
      {{}, {1, 2}, VerdictKind::fail},
      {{0, 3}, {0, 3}, VerdictKind::pass},  // an operator kills whatever runs
      {{0, 3}, {2, 0}, VerdictKind::fail},  // and does not excuse crashes
  };
  for (const Case& each : cases) {
    EXPECT_EQ(judge_deaths({.old_deaths = each.before, .new_deaths = each.after}).kind,
              each.verdict)
        << each.before.crashes << "+" << each.before.kills << " " << each.after.crashes << "+"
        << each.after.kills;
  }
  EXPECT_EQ(judge_deaths({.old_deaths = {1, 0},
                          .new_deaths = {2, 1},
                          .new_last_death = "killed by signal 6 (SIGABRT)"})
                .reason,
            "the new version's workers died 3 times while both served, the old one's once; the "
            "last of the new: killed by signal 6 (SIGABRT)");
}

// Version 2 has its first share beside version 1; each worker has died before.
class Shared : public FleetStage {
 public:
  Shared() {
    link::ModelSettings settings;
    settings.steps = {10, 100};
    settings.hold = std::chrono::seconds(10);
    infos[1] = infos[2] = {};
    serve_first(settings);
    has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
    workers.at(kOld).deaths = workers.at(kNew).deaths = {.crashes = 4, .kills = 1};
    ready(2);
    publish();
    apply();
    EXPECT_EQ(routes(), "1:ready:90 2:ready:10");
  }
  // It dies and comes back.
  void crash(const char* worker) {
    ++workers.at(worker).deaths.crashes;
    workers.at(worker).reason = "killed by signal 6 (SIGABRT)";
    set_one(worker, link::WorkerState::backing_off, false);
    set_one(worker, link::WorkerState::ready, true);
    publish();
    apply();
  }
  static constexpr const char* kOld = "n/m/1.aaaaaa/0";
  static constexpr const char* kNew = "n/m/2.bbbbbb/0";
};

TEST(Guarded, ANewVersionThatCrashesOnRequestsIsRolledBack) {
  Shared stage;
  stage.crash(Shared::kNew);
  EXPECT_EQ(stage.routes(), "1:ready:90 2:ready:10") << "those before both served do not count";
  stage.crash(Shared::kNew);
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
  stage.shards_follow();
  EXPECT_EQ(stage.routes(),
            "1:ready:100 2:failed(crashes: the new version's workers died twice while both "
            "served, the old one's never; the last of the new: killed by signal 6 (SIGABRT))");
  EXPECT_EQ(stage.phase(), "rolled_back");
}

TEST(Guarded, RequestsThatKillBothVersionsAreNotTheNewOnesFault) {
  Shared stage;
  for (int i = 0; i < 3; ++i) {
    stage.crash(Shared::kOld);
    stage.crash(Shared::kNew);
  }
  EXPECT_EQ(stage.phase(), "shifting");
  stage.pass(std::chrono::seconds(10));
  stage.shards_follow();
  stage.pass(std::chrono::seconds(10));
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
}

TEST(Guarded, ANodeThatWasStartedAgainCountsDeathsFromNothing) {
  Shared stage;
  stage.workers.at(Shared::kNew).deaths = {.crashes = 1};
  stage.follow();
  EXPECT_EQ(stage.phase(), "shifting");
  stage.workers.at(Shared::kNew).deaths = {.crashes = 2};
  stage.follow();
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.phase(), "rolled_back");
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
