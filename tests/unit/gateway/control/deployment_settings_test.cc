// The configuration of a model: one that is loaded in place of the one on disk, and when a changed
// one is in force.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

using link::ModelSettings;

// As on disk: `part` is what acts in workers.
ModelSettings on_disk(const std::string& part, std::map<std::string, std::int64_t> labels = {}) {
  ModelSettings settings;
  settings.labels = std::move(labels);
  settings.json = "disk " + part;
  settings.worker_part = part;
  return settings;
}

// Versions 1 and 2 are there, and 2 serves.
class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one"));
    stage.ready(2);
    stage.shards_follow();
    stage.events();
  }
  std::string load(FleetStage& on, const std::string& config = {}) {
    const Result<CommandId> id = on.fleet.load({"m", config}, on.now);
    on.follow();
    return id ? "accepted" : std::string(name_of(id.error().code)) + ": " + id.error().detail;
  }
  std::string load(const std::string& config = {}) { return load(stage, config); }
  static std::string shown(const FleetStage& on) {
    const Routes routes = on.fleet.routes();
    return routes.settings.empty() ? "" : routes.settings[0].json;
  }
  static std::string notes(const FleetStage& on) {
    std::string text;
    for (const std::string& note : on.status().notes) {
      text += (text.empty() ? "" : "; ") + note;
    }
    return text;
  }
  // The next life of everything, with what is on the disks then.
  static void restart(const FleetStage& before,
                      FleetStage& after,
                      std::map<std::int64_t, std::string> versions,
                      const ModelSettings& settings,
                      bool workers_live) {
    after.fleet.remember(before.fleet.memory());
    if (workers_live) {
      after.workers = before.workers;
      after.tell();
    }
    after.has(std::move(versions), settings);
  }

  FleetStage stage;
};

TEST_F(SettingsTest, ALoadedConfigurationActsInEverything) {
  ASSERT_EQ(load("all two stable1 noted"), "accepted");
  EXPECT_EQ(shown(stage), "disk one") << "not before it serves";
  EXPECT_EQ(stage.labels(), "");
  stage.ready(1);
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 done");
  EXPECT_EQ(stage.routes(), "1:ready 2:ready:100");
  EXPECT_EQ(stage.labels(), "stable=1");
  EXPECT_EQ(stage.workers.size(), 4U) << "two of each version";
  EXPECT_EQ(shown(stage), "all two stable1 noted");
  EXPECT_EQ(stage.status().settings_json, "all two stable1 noted");
  EXPECT_EQ(notes(stage),
            "its configuration was loaded in place of the one on disk, until the next load; "
            "optimization has no effect");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one", {{"other", 2}}));
  EXPECT_EQ(stage.labels(), "stable=1") << "the one on disk is not asked";

  ASSERT_EQ(load(), "accepted");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.labels(), "other=2");
  EXPECT_EQ(shown(stage), "disk one");
  EXPECT_EQ(notes(stage), "");
}

TEST_F(SettingsTest, ALoadedPolicyMovesTheRequests) {
  ASSERT_EQ(load("only1 steps"), "accepted");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready:10 2:ready:90") << "by the steps of the same configuration";
  EXPECT_EQ(shown(stage), "disk one");
  stage.shards_follow();
  stage.pass(std::chrono::minutes(1));
  stage.shards_follow();
  stage.pass(std::chrono::minutes(1));
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(shown(stage), "only1 steps");
}

TEST_F(SettingsTest, AConfigurationThatCannotBeFollowedChangesNothing) {
  RolloutAsked pinned;
  pinned.model = "m";
  pinned.to = 1;
  ASSERT_TRUE(stage.fleet.rollout(pinned, stage.now));
  stage.follow();
  stage.ready(1);
  stage.shards_follow();
  const FleetMemory before = stage.fleet.memory();
  EXPECT_EQ(load("wrong"), "invalid_argument: config: m knows no 'wrong'");
  EXPECT_EQ(load("only7"),
            "not_found: m: the version policy wants version 7, not in the repository; it has 1, 2");
  EXPECT_EQ(load("stable7"),
            "not_found: m: label 'stable' names version 7, which is not in the repository; it has "
            "1, 2");
  EXPECT_EQ(stage.fleet.memory(), before);
  EXPECT_EQ(stage.status().pin, std::vector<std::int64_t>{1});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST_F(SettingsTest, AConfigurationThatNoWorkerTakesIsGivenBackWithThePin) {
  RolloutAsked pinned;
  pinned.model = "m";
  pinned.to = 1;
  ASSERT_TRUE(stage.fleet.rollout(pinned, stage.now));
  stage.follow();
  stage.ready(1);
  stage.shards_follow();
  stage.outcomes();
  ASSERT_EQ(load("all two stable2"), "accepted");
  EXPECT_EQ(stage.status().pin, std::nullopt);
  stage.fail(2, "input 'nope' is not in the model");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "2 failed: version 2: input 'nope' is not in the model");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.status().pin, std::vector<std::int64_t>{1});
  EXPECT_EQ(stage.labels(), "");
  EXPECT_EQ(shown(stage), "disk one");
  EXPECT_EQ(notes(stage), "");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one", {{"stable", 1}}));
  EXPECT_EQ(stage.labels(), "stable=1") << "the one on disk is followed again";
}

TEST_F(SettingsTest, ALoadThatIsAbortedIsGivenBack) {
  ASSERT_EQ(load("all two"), "accepted");
  ASSERT_TRUE(stage.fleet.control({"m", RolloutVerb::abort}, stage.now));
  stage.follow();
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  // The rollout that the load begins has the number between them.
  EXPECT_EQ(stage.outcomes(), "1 failed: aborted, 3 done");
  EXPECT_EQ(stage.fleet.memory().models.at("m").config, "");
}

TEST_F(SettingsTest, ALoadedConfigurationOutlivesTheGatewayAndTheWorkers) {
  ASSERT_EQ(load("all stable1"), "accepted");
  stage.ready(1);
  stage.ready(2);
  stage.shards_follow();
  for (const bool workers_live : {true, false}) {
    FleetStage after;
    restart(stage, after, {{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one"), workers_live);
    EXPECT_EQ(after.assigned(), stage.assigned()) << workers_live;
    after.ready(1);
    after.ready(2);
    after.shards_follow();
    EXPECT_EQ(after.routes(), "1:ready 2:ready:100");
    EXPECT_EQ(after.labels(), "stable=1");
    EXPECT_EQ(shown(after), "all stable1");
    const auto assigned = after.fleet.assignment("n").value();
    for (const link::AssignedWorker& worker : assigned) {
      EXPECT_EQ(worker.config, "all stable1");
    }
  }
}

TEST_F(SettingsTest, AFileThatChangesMeanwhileIsNotHeldAgainstALoadedConfiguration) {
  ASSERT_EQ(load("only1 stable1 steps"), "accepted");
  stage.ready(1);
  EXPECT_EQ(stage.phase(), "shifting");
  stage.has({{1, "cccccccc"}, {2, "bbbbbbbb"}}, on_disk("one"));
  for (int i = 0; i < 3; ++i) {
    stage.shards_follow();
    stage.pass(std::chrono::minutes(1));
  }
  stage.fail(1, "model.onnx: truncated");
  EXPECT_EQ(shown(stage), "only1 stable1 steps") << "what serves is by it, if not of the new file";
  EXPECT_EQ(stage.labels(), "stable=1");
}

TEST_F(SettingsTest, ARollbackAfterALoadIsOneToTheConfigurationBefore) {
  ASSERT_EQ(load("only2 stable2"), "accepted");
  stage.ready(2);
  stage.shards_follow();
  ASSERT_EQ(load("only2 blue"), "accepted");
  stage.ready(2);
  stage.shards_follow();
  const std::string both = stage.assigned();
  ASSERT_EQ(shown(stage), "only2 blue");
  FleetStage after;
  restart(stage, after, {{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one"), true);
  after.shards_follow();
  EXPECT_EQ(after.assigned(), both) << "the one before is warm";
  const std::vector<link::AssignedWorker> was = stage.fleet.assignment("n").value();
  const std::vector<link::AssignedWorker> is = after.fleet.assignment("n").value();
  for (std::size_t i = 0; i < was.size(); ++i) {
    EXPECT_EQ(is[i].config, was[i].config) << was[i].worker_id;
  }
  for (FleetStage* at : {&stage, &after}) {
    ASSERT_TRUE(at->fleet.control({"m", RolloutVerb::rollback}, at->now));
    at->follow();
    EXPECT_EQ(at->phase(), "switching") << "it runs already";
    at->shards_follow();
    EXPECT_EQ(at->phase(), "done");
    EXPECT_EQ(shown(*at), "only2 stable2");
    EXPECT_EQ(at->labels(), "stable=2");
    EXPECT_EQ(at->fleet.memory().models.at("m").config, "only2 stable2");
    EXPECT_EQ(at->fleet.assignment("n").value()[0].config, "only2 stable2");
  }
}

TEST_F(SettingsTest, ARollbackToAConfigurationThatIsNotWarmLoadsItAndIsGivenBackWhenItCannot) {
  ASSERT_EQ(load("only2 stable2"), "accepted");
  stage.ready(2);
  stage.shards_follow();
  stage.outcomes();
  const std::string loaded = stage.assigned();
  for (const bool good : {false, true}) {
    ASSERT_TRUE(stage.fleet.control({"m", RolloutVerb::rollback}, stage.now));
    stage.follow();
    EXPECT_EQ(stage.assigned(), loaded + " n/m/2.bbbbbb/0");
    EXPECT_EQ(shown(stage), "only2 stable2");
    const auto state = good ? link::WorkerState::ready : link::WorkerState::failed;
    stage.set_one("n/m/2.bbbbbb/0", state, good);
    stage.shards_follow();
    EXPECT_EQ(shown(stage), good ? "disk one" : "only2 stable2");
    EXPECT_EQ(stage.assigned(), good ? "n/m/2.bbbbbb/0" : loaded);
    EXPECT_EQ(stage.fleet.memory().models.at("m").config, good ? "" : "only2 stable2");
  }
}

TEST_F(SettingsTest, ALoadThatARestartCutsOffGoesOnOrIsGivenBack) {
  ASSERT_EQ(load("all stable1"), "accepted");
  stage.ready(1);
  for (const bool workers_live : {true, false}) {
    for (const bool good : {true, false}) {
      FleetStage after;
      restart(stage, after, {{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one"), workers_live);
      for (auto& [id, fact] : after.workers) {
        if (id == "n/m/2.bbbbbb/0") {
          fact.state = link::WorkerState::ready;
          fact.met_by_all = true;
        }
      }
      after.follow();
      EXPECT_EQ(shown(after), "disk one");
      EXPECT_EQ(after.labels(), "");
      for (auto& [id, fact] : after.workers) {
        if (id != "n/m/2.bbbbbb/0") {
          fact.state = good ? link::WorkerState::ready : link::WorkerState::failed;
          fact.met_by_all = good;
        }
      }
      after.follow();
      after.shards_follow();
      EXPECT_EQ(shown(after), good ? "all stable1" : "disk one") << workers_live;
      EXPECT_EQ(after.routes(), good ? "1:ready 2:ready:100" : "2:ready:100") << workers_live;
      EXPECT_EQ(after.fleet.memory().models.at("m").config, good ? "all stable1" : "");
      EXPECT_EQ(after.fleet.memory().models.at("m").config_before, std::nullopt);
    }
  }
}

TEST_F(SettingsTest, ARememberedConfigurationThatIsNoneAnyMoreIsDroppedAndTold) {
  FleetMemory memory;
  memory.models["m"].config = "gibberish";
  FleetStage after;
  after.fleet.remember(memory);
  after.has({{1, "aaaaaaaa"}}, on_disk("one"));
  EXPECT_EQ(after.fleet.assignment("n").value()[0].config, "");
  EXPECT_EQ(notes(after),
            "a configuration that was loaded cannot be used any more: config: m knows no "
            "'gibberish'");
}

// The file on disk.

TEST_F(SettingsTest, AChangedFileIsInForceOnceABuildOfItServes) {
  ModelSettings changed = on_disk("two", {{"stable", 2}});
  changed.priority_levels = 3;
  changed.default_priority = 1;
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, changed);
  EXPECT_EQ(shown(stage), "disk one");
  EXPECT_EQ(stage.labels(), "");
  EXPECT_EQ(notes(stage), "a changed configuration is not in force: the rollout is not over");
  for (auto& [id, fact] : stage.workers) {
    fact.state = link::WorkerState::ready;
    fact.met_by_all = true;
  }
  stage.follow();
  EXPECT_EQ(shown(stage), "disk two") << "in the snapshot that switches";
  EXPECT_EQ(stage.labels(), "stable=2");
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(notes(stage), "");
}

TEST_F(SettingsTest, AChangedFileThatNoWorkerTakesChangesNothing) {
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one", {{"stable", 2}}));
  ASSERT_EQ(stage.labels(), "stable=2") << "no worker is concerned: at once";
  ModelSettings bad = on_disk("nope", {{"other", 2}});
  bad.priority_levels = 3;
  bad.default_priority = 1;
  bad.replicas = 2;
  stage.has({{1, "dddddddd"}, {2, "cccccccc"}}, bad);
  for (auto& [id, fact] : stage.workers) {
    if (id.find("cccccc") != std::string::npos) {
      fact.state = link::WorkerState::failed;
      fact.reason = "input 'nope' is not in the model";
    }
  }
  stage.follow();
  stage.shards_follow();
  const auto check = [](const FleetStage& at) {
    EXPECT_EQ(at.phase() == "rolled_back" || at.phase() == "none", true) << at.phase();
    EXPECT_EQ(at.routes(), "2:ready:100");
    EXPECT_EQ(at.labels(), "stable=2");
    EXPECT_EQ(at.assigned(), "n/m/2.bbbbbb/0");
    const std::vector<RoutedSettings> settings = at.fleet.routes().settings;
    ASSERT_EQ(settings.size(), 1U);
    EXPECT_EQ(settings[0].json, "disk one");
    EXPECT_EQ(settings[0].queue, QueueRules());
    EXPECT_EQ(notes(at),
              "a changed configuration is not in force: version 2: input 'nope' is not in the "
              "model");
  };
  check(stage);

  FleetStage after;
  restart(stage, after, {{1, "dddddddd"}, {2, "cccccccc"}}, bad, true);
  check(after);

  for (FleetStage* at : {&stage, &after}) {
    at->has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, on_disk("one", {{"stable", 1}, {"new", 2}}));
    EXPECT_EQ(at->labels(), "new=2 stable=2") << "followed; version 1 does not serve yet";
    EXPECT_EQ(notes(*at), "");
    EXPECT_EQ(at->fleet.memory().models.at("m").in_force, std::nullopt);
  }
}

TEST_F(SettingsTest, ARollbackToABuildOfTheFileBeforeShowsThatFile) {
  ModelSettings before = on_disk("two", {{"stable", 2}});
  before.strategy = link::Strategy::blue_green;
  ModelSettings changed = on_disk("three", {{"other", 2}});
  changed.strategy = link::Strategy::blue_green;
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, before);
  stage.ready(2);
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}, {2, "dddddddd"}}, changed);
  stage.ready(2);
  stage.shards_follow();
  ASSERT_EQ(shown(stage), "disk three");
  ASSERT_TRUE(stage.fleet.control({"m", RolloutVerb::rollback}, stage.now));
  stage.follow();
  stage.shards_follow();
  FleetStage after;
  restart(stage, after, {{1, "aaaaaaaa"}, {2, "dddddddd"}}, changed, true);
  for (const FleetStage* at : {&stage, &after}) {
    EXPECT_EQ(shown(*at), "disk two");
    EXPECT_EQ(at->labels(), "stable=2");
    EXPECT_EQ(notes(*at),
              "a changed configuration is not in force: version 2: rolled back to the build before "
              "it");
  }
}

TEST_F(SettingsTest, LabelsMoveWhileAnotherBuildIsRefused) {
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, on_disk("one"));
  for (auto& [id, fact] : stage.workers) {
    if (id.find("cccccc") != std::string::npos) {
      fact.state = link::WorkerState::failed;
      fact.reason = "model.onnx: truncated";
    }
  }
  stage.follow();
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, on_disk("one", {{"stable", 2}}));
  EXPECT_EQ(stage.labels(), "stable=2") << "the file of the model is bad, not the configuration";
}

TEST_F(SettingsTest, InARecreateTheNewIsInForceWithTheSwitch) {
  ModelSettings changed = on_disk("two", {{"stable", 2}});
  changed.strategy = link::Strategy::recreate;
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, changed);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.cccccc/0");
  EXPECT_EQ(stage.status().settings_json, "disk one");
  stage.fail(2, "input 'nope' is not in the model");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(shown(stage), "disk one");
  EXPECT_EQ(stage.labels(), "");
}

// The gateway ends before the switch, and what served by the old one with it.
TEST_F(SettingsTest, ALoadThatCameTrueByItselfIsNotGivenBackByTheNextRollout) {
  ASSERT_EQ(load("stable2"), "accepted");
  FleetStage after;
  after.fleet.remember(stage.fleet.memory());
  for (const auto& [id, fact] : stage.workers) {
    if (id != "n/m/2.bbbbbb/0") {
      after.workers[id] = fact;
      after.workers[id].state = link::WorkerState::ready;
      after.workers[id].met_by_all = true;
    }
  }
  ASSERT_EQ(after.workers.size(), 1U) << "the build of the new configuration";
  after.tell();
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}}, on_disk("one"));
  ASSERT_EQ(shown(after), "stable2");
  after.fail(3, "model.onnx: truncated");
  after.shards_follow();
  EXPECT_EQ(after.phase(), "rolled_back");
  EXPECT_EQ(after.fleet.memory().models.at("m").config, "stable2");
  EXPECT_EQ(shown(after), "stable2");
}

}  // namespace
}  // namespace sluice::gateway
