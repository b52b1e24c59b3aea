#include "cluster/node/worker_supervisor.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1'000)};

// One worker "w" and a clock, spoken to in the words of the domain.
class OneWorker : public testing::Test {
 protected:
  OneWorker() {
    EXPECT_EQ(supervisor.desire({.id = "w", .model = "m", .version = 1}),
              SupervisorActions{StartWorker{"w"}});
    EXPECT_EQ(supervisor.on_started("w", 100), SupervisorActions{});
  }

  void after(Duration time) { now += time; }
  void says(WorkerState state) { supervisor.on_state("w", state, now); }
  SupervisorActions dies(WorkerEnd end = {.exit = {.code = 0, .signal = SIGSEGV},
                                          .words = {},
                                          .load_failed = false}) {
    return supervisor.on_exit("w", end, now);
  }
  WorkerReport report() { return supervisor.reports(now).at(0); }
  // Lets the back-off pass and the next life begin.
  void comes_back() {
    const auto next = supervisor.next_due();
    ASSERT_TRUE(next.has_value());
    now = *next;
    ASSERT_EQ(supervisor.due(now), started());
    ASSERT_EQ(supervisor.on_started("w", 101), SupervisorActions{});
  }
  static SupervisorActions started() { return {StartWorker{"w"}}; }

  WorkerSupervisor supervisor;
  TimePoint now = kStart;
};

TEST_F(OneWorker, a_life_that_served_a_second_after_ready_is_followed_at_once) {
  says(WorkerState::loading);
  after(seconds(5));
  ASSERT_FALSE(supervisor.was_ready("w"));
  says(WorkerState::ready);
  after(seconds(1));
  EXPECT_EQ(dies(), started());
  EXPECT_TRUE(supervisor.was_ready("w"));
  EXPECT_EQ(report().state, WorkerState::starting);
  EXPECT_EQ(report().restarts, 1U);
  EXPECT_EQ(report().reason, "killed by signal 11 (SIGSEGV)");
}

TEST_F(OneWorker, a_life_that_served_less_waits_one_second) {
  says(WorkerState::ready);
  after(milliseconds(999));
  EXPECT_EQ(dies(), SupervisorActions{});
  EXPECT_EQ(report().state, WorkerState::backing_off);
  EXPECT_EQ(report().restart_in, seconds(1));
  EXPECT_EQ(supervisor.next_due(), now + seconds(1));
  EXPECT_EQ(supervisor.due(now + milliseconds(999)), SupervisorActions{});
  EXPECT_EQ(supervisor.due(now + seconds(1)), started());
}

TEST_F(OneWorker, a_long_load_does_not_count_as_service) {
  says(WorkerState::loading);
  after(std::chrono::minutes(10));
  EXPECT_EQ(dies(), SupervisorActions{});
  EXPECT_EQ(report().early_deaths, 1U);
}

TEST_F(OneWorker, the_back_off_doubles_to_32_seconds_for_lives_that_were_ready_only_briefly) {
  for (const int expected : {1, 2, 4, 8, 16, 32, 32, 32}) {
    says(WorkerState::ready);
    EXPECT_EQ(dies(), SupervisorActions{});
    EXPECT_EQ(report().restart_in, seconds(expected));
    comes_back();
  }
  EXPECT_EQ(report().early_deaths, 0U);  // each was ready: never "failed"
}

TEST_F(OneWorker, a_good_life_forgives_the_back_offs_before_it) {
  says(WorkerState::ready);
  dies();
  comes_back();
  says(WorkerState::ready);
  dies();
  EXPECT_EQ(report().restart_in, seconds(2));
  comes_back();
  says(WorkerState::ready);
  after(seconds(1));
  EXPECT_EQ(dies(), started());
  supervisor.on_started("w", 102);
  says(WorkerState::ready);
  dies();
  EXPECT_EQ(report().restart_in, seconds(1));
}

TEST_F(OneWorker, five_deaths_in_a_row_without_once_being_ready_are_a_failure) {
  for (int death = 1; death < limits::kEarlyDeaths; ++death) {
    dies();
    EXPECT_EQ(report().state, WorkerState::backing_off) << death;
    comes_back();
  }
  EXPECT_EQ(dies({.exit = {.code = 7, .signal = 0}, .words = "no memory", .load_failed = false}),
            SupervisorActions{});
  EXPECT_EQ(report().state, WorkerState::failed);
  EXPECT_EQ(report().reason, "exit code 7: no memory");
  EXPECT_EQ(supervisor.next_due(), std::nullopt);
  EXPECT_EQ(supervisor.due(now + std::chrono::hours(1)), SupervisorActions{});
  EXPECT_FALSE(supervisor.any_alive());
}

TEST_F(OneWorker, being_ready_once_starts_the_count_of_early_deaths_anew) {
  for (int death = 1; death < limits::kEarlyDeaths; ++death) {
    dies();
    comes_back();
  }
  says(WorkerState::ready);
  dies();
  EXPECT_EQ(report().state, WorkerState::backing_off);
  EXPECT_EQ(report().early_deaths, 0U);
}

TEST_F(OneWorker, a_model_that_cannot_be_loaded_fails_at_once) {
  dies(
      {.exit = {.code = 3, .signal = 0}, .words = "m.onnx: not an ONNX file", .load_failed = true});
  EXPECT_EQ(report().state, WorkerState::failed);
  EXPECT_EQ(report().reason, "exit code 3: m.onnx: not an ONNX file");
}

TEST_F(OneWorker, a_model_that_was_ready_before_gets_five_tries_to_load_again) {
  says(WorkerState::ready);
  after(seconds(2));
  dies();
  supervisor.on_started("w", 101);
  dies({.exit = {.code = 3, .signal = 0}, .words = "gone", .load_failed = true});
  EXPECT_EQ(report().state, WorkerState::backing_off);
}

TEST_F(OneWorker, a_process_that_cannot_be_made_counts_as_an_early_death) {
  dies();
  after(seconds(1));
  ASSERT_EQ(supervisor.due(now), started());
  EXPECT_EQ(supervisor.on_start_failed("w", "cannot start: no memory", now), SupervisorActions{});
  EXPECT_EQ(report().early_deaths, 2U);
  EXPECT_EQ(report().restart_in, seconds(2));
  EXPECT_EQ(report().reason, "cannot start: no memory");
}

WorkerEnd exited(int code) {
  return {.exit = {.code = code, .signal = 0}, .words = {}, .load_failed = false};
}
WorkerEnd ended_by(int signal) {
  return {.exit = {.code = 0, .signal = signal}, .words = {}, .load_failed = false};
}

TEST_F(OneWorker, ends_that_nobody_asked_for_are_counted_those_by_sigkill_apart) {
  struct Case {
    WorkerEnd end;
    std::uint32_t crashes;
    std::uint32_t kills;
  };
  const Case cases[] = {
      {ended_by(SIGABRT), 1, 0},
      {ended_by(SIGKILL), 1, 1},
      {exited(9), 2, 1},
      {exited(0), 2, 1},  // it was told to end, by somebody else
      {ended_by(SIGSEGV), 3, 1},
  };
  for (const Case& each : cases) {
    says(WorkerState::ready);
    after(seconds(1));
    EXPECT_EQ(dies(each.end), started());
    EXPECT_EQ(report().crashes, each.crashes);
    EXPECT_EQ(report().kills, each.kills);
    supervisor.on_started("w", 101);
  }
}

TEST_F(OneWorker, ends_that_the_node_asked_for_are_no_crashes) {
  supervisor.drain(now + seconds(30));
  dies(ended_by(SIGKILL));
  EXPECT_EQ(report().kills + report().crashes, 0U);
}

TEST_F(OneWorker, drain_terminates_then_kills_at_the_limit_and_starts_nothing) {
  says(WorkerState::ready);
  EXPECT_EQ(supervisor.drain(now + seconds(30)), (SupervisorActions{SignalWorker{"w", SIGTERM}}));
  EXPECT_EQ(report().state, WorkerState::draining);
  EXPECT_EQ(supervisor.next_due(), now + seconds(30));
  EXPECT_EQ(supervisor.due(now + seconds(29)), SupervisorActions{});
  EXPECT_EQ(supervisor.due(now + seconds(30)), (SupervisorActions{SignalWorker{"w", SIGKILL}}));
  EXPECT_EQ(supervisor.due(now + seconds(31)), SupervisorActions{});
  EXPECT_TRUE(supervisor.any_alive());
  EXPECT_EQ(dies(), SupervisorActions{});
  EXPECT_EQ(report().state, WorkerState::ended);
  EXPECT_FALSE(supervisor.any_alive());
}

TEST_F(OneWorker, drain_ends_a_back_off) {
  dies();
  EXPECT_EQ(supervisor.drain(now + seconds(30)), SupervisorActions{});
  EXPECT_EQ(report().state, WorkerState::ended);
  EXPECT_EQ(supervisor.due(now + seconds(5)), SupervisorActions{});
}

TEST_F(OneWorker, a_state_read_after_its_death_does_not_revive_it) {
  dies();
  says(WorkerState::ready);
  EXPECT_EQ(report().state, WorkerState::backing_off);
}

TEST_F(OneWorker, a_worker_cannot_claim_a_state_that_is_the_nodes_to_give) {
  for (const WorkerState state : {WorkerState::unknown,
                                  WorkerState::backing_off,
                                  WorkerState::failed,
                                  WorkerState::ended,
                                  WorkerState::starting}) {
    says(WorkerState::loading);
    says(state);
    EXPECT_EQ(report().state, WorkerState::loading);
  }
}

TEST_F(OneWorker, probing_is_a_state_of_its_own) {
  says(WorkerState::warming);
  says(WorkerState::probing);
  EXPECT_EQ(report().state, WorkerState::probing);
}

TEST_F(OneWorker, a_retired_worker_drains_and_is_forgotten_after_its_end) {
  says(WorkerState::ready);
  EXPECT_EQ(supervisor.retire("w", now + seconds(30)),
            (SupervisorActions{SignalWorker{"w", SIGTERM}}));
  EXPECT_EQ(report().state, WorkerState::draining);
  EXPECT_EQ(supervisor.retire("w", now + seconds(60)), SupervisorActions{});  // once is enough
  says(WorkerState::ready);
  EXPECT_EQ(report().state, WorkerState::draining);
  EXPECT_EQ(supervisor.next_due(), now + seconds(30));
  EXPECT_EQ(supervisor.due(now + seconds(29)), SupervisorActions{});
  EXPECT_EQ(dies({.exit = {.code = 0, .signal = 0}, .words = {}, .load_failed = false}),
            SupervisorActions{});
  EXPECT_TRUE(supervisor.reports(now).empty());
  EXPECT_EQ(supervisor.next_due(), std::nullopt);
}

TEST_F(OneWorker, a_retired_worker_that_does_not_end_is_killed_once) {
  supervisor.retire("w", now + seconds(30));
  EXPECT_EQ(supervisor.due(now + seconds(30)), (SupervisorActions{SignalWorker{"w", SIGKILL}}));
  EXPECT_EQ(supervisor.due(now + seconds(31)), SupervisorActions{});
  EXPECT_EQ(supervisor.next_due(), std::nullopt);
  EXPECT_EQ(dies(), SupervisorActions{});
  EXPECT_TRUE(supervisor.reports(now).empty());
}

TEST_F(OneWorker, retired_between_two_lives_it_is_forgotten_at_once) {
  dies();
  EXPECT_EQ(report().state, WorkerState::backing_off);
  EXPECT_EQ(supervisor.retire("w", now + seconds(30)), SupervisorActions{});
  EXPECT_TRUE(supervisor.reports(now).empty());
  EXPECT_EQ(supervisor.due(now + seconds(60)), SupervisorActions{});
}

TEST_F(OneWorker, asked_for_again_while_it_drains_it_begins_anew_after_its_end) {
  says(WorkerState::ready);
  dies();
  comes_back();
  supervisor.retire("w", now + seconds(30));
  const WorkerSpec again{.id = "w", .model = "m", .version = 1, .stamp = "0b"};
  EXPECT_EQ(supervisor.desire(again), SupervisorActions{});
  EXPECT_EQ(report().state, WorkerState::draining);
  EXPECT_EQ(dies(), started());
  EXPECT_EQ(supervisor.spec("w"), again);
  EXPECT_EQ(report().state, WorkerState::starting);
  EXPECT_EQ(report().restarts, 0U);
  EXPECT_EQ(report().reason, "");
  EXPECT_EQ(report().stamp, "0b");
}

TEST_F(OneWorker, retired_again_after_that_it_stays_away) {
  supervisor.retire("w", now + seconds(30));
  supervisor.desire({.id = "w", .model = "m"});
  EXPECT_EQ(supervisor.retire("w", now + seconds(40)), SupervisorActions{});
  EXPECT_EQ(dies(), SupervisorActions{});
  EXPECT_TRUE(supervisor.reports(now).empty());
}

TEST_F(OneWorker, a_drain_of_all_does_not_tell_a_retired_one_twice_and_revives_none) {
  supervisor.retire("w", now + seconds(30));
  supervisor.desire({.id = "w", .model = "m"});
  EXPECT_EQ(supervisor.drain(now + seconds(5)), SupervisorActions{});
  EXPECT_EQ(supervisor.next_due(), now + seconds(5));
  EXPECT_EQ(supervisor.due(now + seconds(5)), (SupervisorActions{SignalWorker{"w", SIGKILL}}));
  EXPECT_EQ(dies(), SupervisorActions{});
  EXPECT_FALSE(supervisor.any_alive());
}

TEST_F(OneWorker, what_was_refused_is_tried_again_when_the_disk_has_changed_or_it_is_asked_for) {
  says(WorkerState::ready);
  after(seconds(5));
  ASSERT_EQ(dies(), started());
  supervisor.on_refused("w", "version 1 of model 'm' is not in the repository");
  EXPECT_EQ(report().state, WorkerState::failed);
  EXPECT_EQ(report().reason, "version 1 of model 'm' is not in the repository");
  EXPECT_FALSE(supervisor.any_alive());
  EXPECT_EQ(supervisor.due(now + seconds(60)), SupervisorActions{});
  EXPECT_EQ(supervisor.retry_refused(), started());
  supervisor.on_refused("w", "still not");
  EXPECT_EQ(supervisor.desire({.id = "w", .model = "m", .version = 2}), started());
  EXPECT_EQ(supervisor.spec("w").version, 2);
  EXPECT_EQ(supervisor.on_started("w", 5), SupervisorActions{});
  EXPECT_EQ(supervisor.retry_refused(), SupervisorActions{});
}

TEST_F(OneWorker, an_assignment_retires_what_it_does_not_name_and_starts_what_is_missing) {
  EXPECT_EQ(supervisor.assign({{.id = "x", .model = "m", .version = 2},
                               {.id = "w", .model = "other", .version = 9},
                               {.id = "x", .model = "twice", .version = 3}},
                              now + seconds(30)),
            (SupervisorActions{StartWorker{"x"}}));
  EXPECT_EQ(supervisor.spec("w").model, "m");  // known by its id, left alone
  EXPECT_EQ(supervisor.spec("x").version, 2);
  supervisor.on_started("x", 7);
  EXPECT_EQ(supervisor.assign({{.id = "y", .model = "m"}}, now + seconds(30)),
            (SupervisorActions{
                SignalWorker{"w", SIGTERM}, SignalWorker{"x", SIGTERM}, StartWorker{"y"}}));
  supervisor.on_started("y", 8);
  EXPECT_EQ(supervisor.assign({}, now + seconds(30)),
            (SupervisorActions{SignalWorker{"y", SIGTERM}}));
  supervisor.drain(now + seconds(1));
  EXPECT_EQ(supervisor.assign({{.id = "z", .model = "m"}}, now), SupervisorActions{});
  EXPECT_EQ(supervisor.reports(now).size(), 3U);
}

TEST(WorkerSupervisorTest, workers_do_not_share_their_back_offs) {
  WorkerSupervisor supervisor;
  for (const char* id : {"a", "b"}) {
    supervisor.desire({.id = id, .model = id, .version = 1});
    supervisor.on_started(id, 7);
  }
  const WorkerEnd end{.exit = {.code = 1, .signal = 0}, .words = {}, .load_failed = false};
  supervisor.on_exit("a", end, kStart);
  EXPECT_EQ(supervisor.reports(kStart).at(1).state, WorkerState::starting);
  EXPECT_EQ(supervisor.due(kStart + seconds(1)), SupervisorActions{StartWorker{"a"}});
}

// A random walk against the rules, seen from outside: whatever happens, they hold.
class RandomWalk {
 public:
  explicit RandomWalk(std::uint64_t seed) : random_(seed) {}

  void run() {
    perform(supervisor_.desire({.id = "w", .model = "m", .version = 1}));
    for (int step = 0; step < 400; ++step) {
      now_ += milliseconds(pick(1'500));
      perform(supervisor_.due(now_));
      one_event();
      check();
    }
    drain();
  }
  [[nodiscard]] int starts() const { return starts_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  void perform(const SupervisorActions& actions) {
    for (const SupervisorAction& action : actions) {
      if (std::holds_alternative<StartWorker>(action)) {
        start();
      } else {
        ASSERT_TRUE(alive_);  // only the living are signalled
      }
    }
  }

  void start() {
    ASSERT_FALSE(alive_);
    ASSERT_FALSE(failed_);
    ASSERT_FALSE(draining_);
    ASSERT_GE(now_, not_before_);
    ++starts_;
    if (pick(10) == 0) {
      bad_death(/*was_ready=*/false);
      perform(supervisor_.on_start_failed("w", "no", now_));
      return;
    }
    alive_ = true;
    ready_at_.reset();
    perform(supervisor_.on_started("w", 5));
  }

  void one_event() {
    if (!alive_) {
      return;
    }
    if (pick(3) == 0 && !ready_at_) {
      ready_at_ = now_;
      early_ = 0;
      supervisor_.on_state("w", WorkerState::ready, now_);
    } else if (pick(3) == 0) {
      die();
    }
  }

  void die() {
    alive_ = false;
    if (ready_at_ && now_ - *ready_at_ >= limits::kGoodLife) {
      backoff_ = Duration::zero();
      not_before_ = now_;
    } else {
      bad_death(ready_at_.has_value());
    }
    const WorkerEnd end{.exit = {.code = 1, .signal = 0}, .words = {}, .load_failed = false};
    perform(supervisor_.on_exit("w", end, now_));
  }

  void bad_death(bool was_ready) {
    early_ += was_ready ? 0 : 1;
    failed_ = early_ >= limits::kEarlyDeaths;
    backoff_ = backoff_ == Duration::zero() ? Duration(seconds(1))
                                            : std::min(backoff_ * 2, Duration(seconds(32)));
    not_before_ = now_ + backoff_;
  }

  void check() {
    const WorkerReport report = supervisor_.reports(now_).at(0);
    ASSERT_EQ(supervisor_.any_alive(), alive_);
    ASSERT_EQ(report.state == WorkerState::failed, failed_);
    ASSERT_EQ(report.restarts, static_cast<std::uint32_t>(starts_ - 1));
    ASSERT_EQ(supervisor_.next_due().has_value(), !alive_ && !failed_);
  }

  void drain() {
    perform(supervisor_.drain(now_ + seconds(1)));
    draining_ = true;
    if (alive_) {
      die();
    }
    for (int step = 0; step < 50; ++step) {
      now_ += seconds(1);
      perform(supervisor_.due(now_));
    }
    ASSERT_FALSE(supervisor_.any_alive());
  }

  std::mt19937_64 random_;
  WorkerSupervisor supervisor_;
  TimePoint now_ = kStart;
  bool alive_ = false;
  bool failed_ = false;
  bool draining_ = false;
  std::optional<TimePoint> ready_at_;
  TimePoint not_before_{};
  Duration backoff_{};
  int early_ = 0;
  int starts_ = 0;
};

TEST(WorkerSupervisorTest, a_random_walk_keeps_the_rules) {
  int starts = 0;
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomWalk walk(seed);
    walk.run();
    ASSERT_FALSE(testing::Test::HasFatalFailure());
    starts += walk.starts();
    failures += walk.failed() ? 1 : 0;
  }
  EXPECT_GT(starts, 5'000);  // the walk did walk
  EXPECT_GT(failures, 10);
  EXPECT_LT(failures, 490);
}

TEST(Supervisor, another_share_of_the_cpus_is_that_of_the_next_life) {
  WorkerSupervisor supervisor;
  supervisor.assign({{.id = "w", .model = "m", .share = 0, .shares = 1}}, kStart);
  supervisor.on_started("w", 7);
  EXPECT_EQ(supervisor.assign({{.id = "w", .model = "m", .share = 1, .shares = 2}}, kStart),
            SupervisorActions{});
  EXPECT_EQ(supervisor.spec("w").share, 1U);
  EXPECT_EQ(supervisor.spec("w").shares, 2U);
}

}  // namespace
}  // namespace sluice::cluster
