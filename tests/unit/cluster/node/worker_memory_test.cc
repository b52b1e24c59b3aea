// What a node does when its workers ask for more memory than there is.

#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/node/worker_supervisor.h"
#include "common/base/limits.h"

namespace sluice::cluster {
namespace {

using Admission = WorkerSupervisor::Admission;
using limits::kMiB;

constexpr TimePoint kBegun{std::chrono::seconds(1'000)};
constexpr TimePoint kKill = kBegun + std::chrono::seconds(30);

// A node "n" with 100 MB for its workers.
class WorkerMemory : public testing::Test {
 protected:
  WorkerMemory() { supervisor.limit_memory(100 * kMiB, "n"); }

  SupervisorActions wants(std::vector<std::string> ids) {
    std::vector<WorkerSpec> specs;
    for (std::string& id : ids) {
      specs.push_back({.id = std::move(id), .model = "m"});
    }
    return supervisor.assign(std::move(specs), kKill);
  }
  Admission asks(const std::string& id, std::uint64_t mb) {
    const Admission answer = supervisor.admit(id, mb * kMiB);
    if (answer == Admission::start) {
      supervisor.on_started(id, 7);
    }
    return answer;
  }
  SupervisorActions ready(const std::string& id, std::uint64_t mb) {
    SupervisorActions actions = supervisor.on_measured(id, mb * kMiB);
    supervisor.on_state(id, WorkerState::ready, kBegun);
    return actions;
  }
  SupervisorActions ends(const std::string& id) { return supervisor.on_exit(id, {}, kBegun); }
  WorkerReport report(const std::string& id) {
    for (const WorkerReport& each : supervisor.reports(kBegun)) {
      if (each.worker_id == id) {
        return each;
      }
    }
    return {};
  }
  static SupervisorActions start(std::vector<std::string> ids) {
    SupervisorActions actions;
    for (std::string& id : ids) {
      actions.emplace_back(StartWorker{std::move(id)});
    }
    return actions;
  }

  WorkerSupervisor supervisor;
};

TEST_F(WorkerMemory, what_does_not_fit_is_refused_with_numbers_and_harms_nobody) {
  wants({"m/1/0", "m/2/0"});
  EXPECT_EQ(asks("m/1/0", 60), Admission::start);
  EXPECT_EQ(asks("m/2/0", 41), Admission::refused);
  EXPECT_EQ(report("m/2/0").state, WorkerState::failed);
  EXPECT_EQ(report("m/2/0").reason,
            "it needs 41 MB of memory (by the size of its files); node 'n' has 40 MB free of its "
            "limit of 100 MB");
  EXPECT_EQ(report("m/2/0").memory, 0U);
  EXPECT_EQ(report("m/1/0").memory, 60 * kMiB);
  EXPECT_EQ(supervisor.memory_taken(), 60 * kMiB);
}

TEST_F(WorkerMemory, who_comes_after_one_that_ends_waits_for_its_end) {
  wants({"m/1/0"});
  asks("m/1/0", 60);
  EXPECT_EQ(wants({"m/2/0"}),
            (SupervisorActions{SignalWorker{"m/1/0", SIGTERM}, StartWorker{"m/2/0"}}));
  EXPECT_EQ(asks("m/2/0", 60), Admission::wait);
  EXPECT_EQ(report("m/2/0").state, WorkerState::starting);
  EXPECT_EQ(report("m/2/0").reason,
            "it needs 60 MB of memory (by the size of its files); node 'n' has 40 MB free of its "
            "limit of 100 MB; it waits for others to end");
  EXPECT_EQ(ends("m/1/0"), start({"m/2/0"}));
  EXPECT_EQ(report("m/2/0").reason, "");
  EXPECT_EQ(asks("m/2/0", 60), Admission::start);
}

TEST_F(WorkerMemory, who_waits_and_is_not_wanted_any_more_is_forgotten) {
  wants({"m/1/0"});
  asks("m/1/0", 60);
  wants({"m/2/0"});
  asks("m/2/0", 60);
  EXPECT_EQ(wants({}), SupervisorActions{});
  EXPECT_EQ(ends("m/1/0"), SupervisorActions{});
  EXPECT_FALSE(supervisor.any_alive());
}

TEST_F(WorkerMemory, a_drain_starts_nobody_who_waits) {
  wants({"m/1/0"});
  asks("m/1/0", 60);
  wants({"m/2/0"});
  asks("m/2/0", 60);
  supervisor.drain(kKill);
  EXPECT_EQ(report("m/2/0").state, WorkerState::ended);
  EXPECT_EQ(ends("m/1/0"), SupervisorActions{});
}

TEST_F(WorkerMemory, once_measured_that_counts_for_the_build) {
  wants({"m/1/0", "m/1/1", "m/1/2"});
  asks("m/1/0", 10);
  EXPECT_EQ(ready("m/1/0", 40), SupervisorActions{});
  EXPECT_EQ(report("m/1/0").memory, 40 * kMiB);
  EXPECT_EQ(asks("m/1/1", 10), Admission::start);
  EXPECT_EQ(asks("m/1/2", 10), Admission::refused);
  EXPECT_EQ(report("m/1/2").reason,
            "it needs 40 MB of memory (as measured at its warm-up); node 'n' has 20 MB free of its "
            "limit of 100 MB");
}

TEST_F(WorkerMemory, what_turns_out_to_be_too_much_is_ended_and_not_started_again) {
  wants({"m/1/0", "m/2/0"});
  asks("m/1/0", 60);
  asks("m/2/0", 30);
  EXPECT_EQ(ready("m/2/0", 50), SupervisorActions{(SignalWorker{"m/2/0", SIGTERM})});
  EXPECT_NE(report("m/2/0").state, WorkerState::ready);
  EXPECT_EQ(ends("m/2/0"), SupervisorActions{});
  EXPECT_EQ(report("m/2/0").state, WorkerState::failed);
  EXPECT_EQ(report("m/2/0").reason,
            "it needs 50 MB of memory (as measured at its warm-up); node 'n' has 40 MB free of its "
            "limit of 100 MB");
  EXPECT_EQ(supervisor.next_due(), std::nullopt);
  // With the other one gone it fits.
  wants({});
  ends("m/1/0");
  EXPECT_EQ(wants({"m/2/0"}), start({"m/2/0"}));
  EXPECT_EQ(asks("m/2/0", 30), Admission::start);
  EXPECT_EQ(report("m/2/0").memory, 50 * kMiB);
  EXPECT_EQ(ready("m/2/0", 50), SupervisorActions{});
  EXPECT_EQ(report("m/2/0").state, WorkerState::ready);
}

TEST_F(WorkerMemory, one_that_dies_keeps_its_place_until_it_lives_again) {
  wants({"m/1/0", "m/2/0"});
  asks("m/1/0", 60);
  const WorkerEnd crash{.exit = {.code = 0, .signal = SIGSEGV}, .words = {}, .load_failed = false};
  supervisor.on_exit("m/1/0", crash, kBegun);
  ASSERT_EQ(report("m/1/0").state, WorkerState::backing_off);
  EXPECT_EQ(asks("m/2/0", 50), Admission::refused);
  supervisor.due(*supervisor.next_due());
  EXPECT_EQ(asks("m/1/0", 60), Admission::start);
  EXPECT_EQ(ready("m/1/0", 120), SupervisorActions{(SignalWorker{"m/1/0", SIGTERM})})
      << "the first that is known of it";
}

TEST_F(WorkerMemory, a_later_life_that_takes_more_is_let_be) {
  wants({"m/1/0"});
  asks("m/1/0", 60);
  ready("m/1/0", 90);
  const WorkerEnd crash{.exit = {.code = 0, .signal = SIGSEGV}, .words = {}, .load_failed = false};
  supervisor.on_exit("m/1/0", crash, kBegun);
  supervisor.due(*supervisor.next_due());
  EXPECT_EQ(asks("m/1/0", 60), Admission::start);
  EXPECT_EQ(ready("m/1/0", 110), SupervisorActions{}) << "it has served";
  EXPECT_EQ(report("m/1/0").memory, 110 * kMiB);
}

TEST_F(WorkerMemory, without_a_limit_everything_fits) {
  supervisor.limit_memory(0, "n");
  wants({"m/1/0", "m/2/0"});
  EXPECT_EQ(asks("m/1/0", 1'000'000), Admission::start);
  EXPECT_EQ(ready("m/1/0", 2'000'000), SupervisorActions{});
  EXPECT_EQ(asks("m/2/0", 1'000'000), Admission::start);
}

}  // namespace
}  // namespace sluice::cluster
