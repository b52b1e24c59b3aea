// Thousands of histories of a model's versions, and the mutants of the deployment that they catch.
// SLUICE_SIM_SEEDS=100000: so many. SLUICE_SIM_SEED=n SLUICE_SIM_TRACE=1: one, printed.

#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/sim/rollout/simulation.h"

namespace sluice::sim::rollout {
namespace {

using gateway::RolloutRules;

#ifdef SLUICE_SIM_FEW
constexpr std::uint64_t kSeeds = 500;  // under sanitizers
constexpr std::uint64_t kRepeated = 20;
#else
constexpr std::uint64_t kSeeds = 5'000;
constexpr std::uint64_t kRepeated = 200;
#endif
constexpr std::uint64_t kSeedsForMutants = 500;

std::string replay(const Outcome& outcome) {
  return outcome.violation + "\n  replay: SLUICE_SIM_SEED=" + std::to_string(outcome.seed) +
         " SLUICE_SIM_TRACE=1 tests/rollout_sim_test --gtest_filter=RolloutSimulation.OneSeed";
}

std::uint64_t seeds() {
  const char* wanted = std::getenv("SLUICE_SIM_SEEDS");
  return wanted == nullptr ? kSeeds : std::strtoull(wanted, nullptr, 10);
}

TEST(RolloutSimulation, AllSeedsGoWell) {
  Coverage coverage;
  int bad = 0;
  for (std::uint64_t seed = 0; seed < seeds() && bad < 5; ++seed) {
    const Outcome outcome = simulate(seed);
    if (!outcome.violation.empty()) {
      ++bad;
      ADD_FAILURE() << replay(outcome);
    }
    for (const auto& [what, count] : outcome.coverage.counts) {
      coverage.add(what, count);
    }
  }
  for (const auto& [what, count] : coverage.counts) {
    std::printf("%s %llu\n", what.c_str(), static_cast<unsigned long long>(count));
  }
  for (const char* what : {"adopted",
                           "aborts",
                           "answered",
                           "configurations given back",
                           "configurations in force",
                           "configurations loaded",
                           "configurations over a restart",
                           "configurations refused",
                           "died of a request",
                           "ended by a loaded configuration",
                           "ended serving",
                           "folder changes",
                           "gateway restarts",
                           "kept warm over a restart",
                           "killed before",
                           "killed when ready",
                           "label_moved",
                           "labels moved",
                           "loads",
                           "loads with a configuration",
                           "lost from nodes",
                           "lost to nodes",
                           "node restarts",
                           "nodes lost",
                           "partitions",
                           "refused",
                           "remembered",
                           "rollbacks",
                           "rollout_paused",
                           "rollout done",
                           "rollout restoring",
                           "rollout rolled_back",
                           "rollout shifting",
                           "rollout switching",
                           "run again",
                           "unloads",
                           "version_failed",
                           "version_retired"}) {
    EXPECT_GT(coverage.counts[what], 0U) << what << " never happened";
  }
}

TEST(RolloutSimulation, RepeatsASeedExactly) {
  for (std::uint64_t seed = 0; seed < kRepeated; ++seed) {
    EXPECT_EQ(simulate(seed).hash, simulate(seed).hash) << seed;
  }
}

TEST(RolloutSimulation, OneSeed) {
  const char* seed = std::getenv("SLUICE_SIM_SEED");
  if (seed == nullptr) {
    GTEST_SKIP() << "BY DESIGN: SLUICE_SIM_SEED names no seed to replay";
  }
  const Outcome outcome =
      simulate(std::strtoull(seed, nullptr, 10), {}, std::getenv("SLUICE_SIM_TRACE") != nullptr);
  EXPECT_EQ(outcome.violation, "");
}

struct Mutant {
  const char* name;
  bool RolloutRules::*rule;
};

constexpr Mutant kMutants[] = {
    {"switches_before_ready", &RolloutRules::waits_until_ready},
    {"switches_before_met", &RolloutRules::waits_until_met},
    {"admits_what_waits", &RolloutRules::admits_only_routed},
    {"retires_unacknowledged", &RolloutRules::waits_for_shards},
    {"retires_with_work_left", &RolloutRules::waits_for_quiet},
    {"starts_before_the_old_is_gone", &RolloutRules::waits_until_gone},
    {"asks_no_guard", &RolloutRules::asks_guards},
    {"overlooks_deaths", &RolloutRules::counts_deaths},
    {"never_rolls_back", &RolloutRules::rolls_back},
    {"forgets_failures", &RolloutRules::remembers_failures},
    {"several_at_once", &RolloutRules::one_at_a_time},
    {"moves_labels_at_once", &RolloutRules::labels_move_with_switch},
    {"adopts_nothing", &RolloutRules::adopts},
    {"takes_settings_up_at_once", &RolloutRules::settings_wait_for_builds},
    {"keeps_configs_that_failed", &RolloutRules::gives_configs_back},
};

TEST(RolloutMutants, AreAllCaught) {
  for (const Mutant& mutant : kMutants) {
    RolloutRules rules;
    rules.*mutant.rule = false;
    Outcome outcome;
    std::uint64_t seed = 0;
    while (seed < kSeedsForMutants && outcome.violation.empty()) {
      outcome = simulate(seed++, rules);
    }
    EXPECT_FALSE(outcome.violation.empty())
        << mutant.name << " was not noticed in " << kSeedsForMutants << " seeds";
    std::printf("%-30s caught by seed %3llu: %s\n",
                mutant.name,
                static_cast<unsigned long long>(seed - 1),
                outcome.violation.c_str());
  }
}

}  // namespace
}  // namespace sluice::sim::rollout
