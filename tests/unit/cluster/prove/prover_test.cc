// Whole runs against a played cluster: what it does wrong is seen, what it does right passes.

#include "cluster/prove/prover.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/fake_cluster.h"

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using test::FakeCluster;
using test::FakeClusterOptions;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

class Silent final : public Progress {
 public:
  void say(const std::string& line) override { lines.push_back(line); }
  void interrupted() override { was_interrupted = true; }
  std::vector<std::string> lines;
  bool was_interrupted = false;
};

ProveOptions options_for(const FakeCluster& cluster, std::size_t swaps = 2) {
  ProveOptions options;
  options.model = "m";
  options.url = cluster.url();
  options.swaps = swaps;
  options.rate = 1'000;
  options.connections = 8;
  options.quiet = milliseconds(200);
  options.warm = milliseconds(100);
  options.capacity = milliseconds(500);
  return options;
}

Findings run(const ProveOptions& options) {
  Silent progress;
  Result<Findings> findings = prove_swap(options, -1, progress);
  EXPECT_TRUE(findings) << findings.error().detail;
  return findings ? *std::move(findings) : Findings{};
}

Findings run(const FakeCluster& cluster, std::size_t swaps = 2) {
  return run(options_for(cluster, swaps));
}

void expect_every_request_ended(const Findings& findings) {
  EXPECT_GT(findings.totals.sent, 1'000U);
  EXPECT_EQ(findings.totals.outstanding(), 0U);
  EXPECT_EQ(findings.totals.unsent, 0U);
}

TEST(ProveSwap, FindsNothingWrongWhereNothingIs) {
  FakeCluster cluster({});
  const Findings findings = run(cluster);
  expect_every_request_ended(findings);
  EXPECT_TRUE(findings.totals.clean());
  EXPECT_EQ(findings.swaps.size(), 2U);
  EXPECT_GT(findings.during.count(), 0U);
  EXPECT_GT(findings.quiet_a.count(), 0U);
  EXPECT_GT(findings.quiet_b.count(), 0U);
  EXPECT_EQ(findings.totals.by_version.size(), 2U);
  // Two swaps end where they began; the pin that they made is lifted.
  EXPECT_THAT(cluster.orders(), ElementsAre(R"({"to":1})", R"({"to":2})", R"({"to":"policy"})"));
  EXPECT_EQ(cluster.served(), 2);
  EXPECT_FALSE(cluster.pinned());
  EXPECT_EQ(findings.memory_left_out, "no worker has a process");
}

TEST(ProveSwap, PutsTheModelBackAfterAnOddNumberOfSwaps) {
  FakeCluster cluster({.pinned = true});
  const Findings findings = run(cluster, 1);
  EXPECT_TRUE(findings.totals.clean());
  EXPECT_EQ(findings.swaps.size(), 1U);
  EXPECT_THAT(cluster.orders(), ElementsAre(R"({"to":1})", R"({"to":2})"));
  EXPECT_EQ(cluster.served(), 2);
  EXPECT_TRUE(cluster.pinned());
}

TEST(ProveSwap, MeasuresCapacityAndTakesHalfOfIt) {
  FakeCluster cluster({});
  Silent progress;
  ProveOptions options = options_for(cluster, 0);
  options.rate = 0;
  const auto findings = prove_swap(options, -1, progress);
  ASSERT_TRUE(findings) << findings.error().detail;
  EXPECT_GT(findings->capacity, 100);
  EXPECT_DOUBLE_EQ(findings->rate, findings->capacity / 2);
  EXPECT_TRUE(findings->totals.clean());
  EXPECT_THAT(objections(*findings), ElementsAre());
}

// What is still under way when the time is up was not answered in it.
TEST(ProveSwap, CountsAsCapacityWhatWasAnsweredInTime) {
  FakeCluster cluster({.slow_us = 20'000});
  Silent progress;
  ProveOptions options = options_for(cluster, 0);
  options.rate = 0;
  options.connections = 64;
  const auto findings = prove_swap(options, -1, progress);
  ASSERT_TRUE(findings) << findings.error().detail;
  EXPECT_GT(findings->capacity, 0);
  EXPECT_LT(findings->capacity, 100);  // at most 50 a second
}

struct WrongCase {
  const char* name = "";
  FakeClusterOptions options{};
  std::uint64_t Totals::*counter = nullptr;
};

TEST(ProveSwap, CountsWhatIsWrong) {
  const WrongCase cases[] = {
      {"wrong version", {.wrong_after_switch = true}, &Totals::wrong_version},
      {"early new version", {.looks_before = 30, .early_new = true}, &Totals::wrong_version},
      {"duplicate", {.duplicate = true}, &Totals::duplicated},
      {"other id", {.other_id = true}, &Totals::wrong_id},
      {"dropped", {.drop = true}, &Totals::lost},
  };
  for (const WrongCase& one : cases) {
    FakeCluster cluster(one.options);
    const Findings findings = run(cluster, 1);
    expect_every_request_ended(findings);
    EXPECT_GT(findings.totals.*one.counter, 0U) << one.name;
    EXPECT_FALSE(findings.totals.clean()) << one.name;
    EXPECT_THAT(objections(findings),
                Contains("not every request was answered rightly, once and in time"))
        << one.name;
  }
}

TEST(ProveSwap, CountsTypedErrorsByStatus) {
  FakeCluster cluster({.fail = true});
  const Findings findings = run(cluster, 1);
  expect_every_request_ended(findings);
  EXPECT_GT(findings.totals.errors.at(503), 5U);
  EXPECT_EQ(findings.totals.untyped, 0U);
  EXPECT_EQ(findings.totals.ok + findings.totals.errors.at(503), findings.totals.sent);
  EXPECT_TRUE(findings.totals.words.contains("503 busy"));
}

TEST(ProveSwap, FollowsAServerThatEndsConnections) {
  FakeCluster cluster({.close_often = true});
  EXPECT_TRUE(run(cluster, 1).totals.clean());
}

TEST(ProveSwap, FeelsASlowSwap) {
  FakeCluster cluster({.looks_before = 50, .slow_while_rolling_us = 5'000});
  Silent progress;
  ProveOptions options = options_for(cluster, 1);
  options.rate = 150;
  const auto findings = prove_swap(options, -1, progress);
  ASSERT_TRUE(findings) << findings.error().detail;
  EXPECT_TRUE(findings->totals.clean());
  EXPECT_GE(findings->during.quantile(0.75), milliseconds(5));
  EXPECT_LT(pooled(std::vector{findings->quiet_a, findings->quiet_b}).quantile(0.5),
            milliseconds(5));
  EXPECT_FALSE(findings->comparison.judged);
  EXPECT_THAT(objections(*findings),
              Contains("too few answers to judge latency: each kind of window needs 1000"));
}

TEST(ProveSwap, SaysWhyASwapWasRolledBack) {
  FakeCluster cluster({.roll_back = true});
  const Findings findings = run(cluster, 1);
  EXPECT_TRUE(findings.totals.clean());
  ASSERT_EQ(findings.swaps.size(), 1U);
  EXPECT_FALSE(findings.swaps[0].done);
  EXPECT_EQ(findings.swaps[0].reason, "no luck");
  EXPECT_THAT(objections(findings), Contains("1 of 1 swaps were rolled back"));
  EXPECT_FALSE(cluster.pinned());
}

TEST(ProveSwap, SaysWhyARolloutWasRefused) {
  FakeCluster cluster({.refuse_rollout = true});
  const Findings findings = run(cluster, 1);
  EXPECT_THAT(findings.trouble, HasSubstr("a rollout of m is under way"));
  EXPECT_TRUE(findings.swaps.empty());
}

TEST(ProveSwap, SeesTheSwapsOfOthersWhenItMakesNone) {
  struct Case {
    bool good;
    const char* reason;
    std::size_t versions;
  };
  for (const Case& one : {Case{true, "", 2}, Case{false, "no luck", 1}}) {
    FakeCluster cluster({.roll_back = !one.good, .rolls_by_itself_at = 300});
    ProveOptions options = options_for(cluster, 0);
    options.quiet = milliseconds(1'000);
    const Findings findings = run(options);
    EXPECT_THAT(objections(findings), ElementsAre());
    EXPECT_THAT(findings.swaps,
                ElementsAre(AllOf(Field(&SwapRecord::from, 2),
                                  Field(&SwapRecord::to, 1),
                                  Field(&SwapRecord::done, one.good),
                                  Field(&SwapRecord::reason, one.reason))));
    EXPECT_EQ(findings.totals.by_version.size(), one.versions);
    EXPECT_GT(findings.during.count(), 100U);
    EXPECT_THAT(cluster.orders(), ElementsAre());
  }
}

TEST(ProveSwap, SeesAWrongAnswerAfterSomebodyElsesSwap) {
  FakeCluster cluster({.wrong_after_switch = true, .rolls_by_itself_at = 300});
  Silent progress;
  ProveOptions options = options_for(cluster, 0);
  options.quiet = milliseconds(1'000);
  const auto findings = prove_swap(options, -1, progress);
  ASSERT_TRUE(findings) << findings.error().detail;
  EXPECT_GT(findings->totals.wrong_version, 0U);
  EXPECT_EQ(findings->totals.outstanding(), 0U);
}

TEST(ProveSwap, EndsWhenSomebodyElseRolls) {
  struct Intruder {
    const char* by;
    const char* trouble;
    std::vector<std::string> orders;  // put back unless a person wants it so
  };
  const Intruder intruders[] = {
      {"operator",
       "a rollout of m began that is not prove-swap's, by the operator, and is left alone",
       {}},
      {"policy",
       "a rollout of m began that is not prove-swap's, by the policy",
       {R"({"to":2})", R"({"to":"policy"})"}}};
  for (const Intruder& one : intruders) {
    FakeCluster cluster({.rolls_by_itself_at = 200, .by = one.by});
    const Findings findings = run(cluster, 50);
    EXPECT_TRUE(findings.totals.clean());
    EXPECT_EQ(findings.trouble, one.trouble);
    EXPECT_EQ(cluster.orders(), one.orders) << one.by;
  }
}

TEST(ProveSwap, JudgesRightlyWhenControlBeginsAnewInTheMiddle) {
  FakeCluster cluster({.forgets = true});
  const Findings findings = run(cluster, 1);
  EXPECT_TRUE(findings.totals.clean());
  ASSERT_EQ(findings.swaps.size(), 1U);
  EXPECT_FALSE(findings.swaps[0].done);
  EXPECT_EQ(findings.swaps[0].reason, "the cluster's control began anew in the middle of it");
  EXPECT_EQ(findings.trouble, "");
  EXPECT_EQ(cluster.served(), 2);
}

TEST(ProveSwap, ChangesNothingWhenInterruptedBeforeTheFirstSwap) {
  FakeCluster cluster({});
  int pipe[2] = {-1, -1};
  ASSERT_EQ(::pipe(pipe), 0);
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  Silent progress;
  ProveOptions options = options_for(cluster);
  options.rate = 0;  // capacity is measured first
  const auto findings = prove_swap(options, pipe[0], progress);
  ::close(pipe[0]);
  ::close(pipe[1]);
  ASSERT_FALSE(findings);
  EXPECT_EQ(findings.error().detail, "interrupted before the first swap: nothing was changed");
  EXPECT_THAT(cluster.orders(), ElementsAre());
}

// Interrupts the run at its first swap.
class Interrupting final : public Progress {
 public:
  Interrupting() { EXPECT_EQ(::pipe(pipe_), 0); }
  Interrupting(const Interrupting&) = delete;
  Interrupting& operator=(const Interrupting&) = delete;
  ~Interrupting() override {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  [[nodiscard]] int fd() const { return pipe_[0]; }
  void say(const std::string& line) override {
    if (line.starts_with("swap 1 ")) {
      EXPECT_EQ(::write(pipe_[1], "x", 1), 1);
    }
  }
  void interrupted() override { was_interrupted = true; }
  bool was_interrupted = false;

 private:
  int pipe_[2] = {-1, -1};
};

TEST(ProveSwap, StopsInOrderWhenInterrupted) {
  FakeCluster cluster({});
  Interrupting progress;
  const auto findings = prove_swap(options_for(cluster, 100), progress.fd(), progress);
  ASSERT_TRUE(findings) << findings.error().detail;
  EXPECT_TRUE(progress.was_interrupted);
  EXPECT_TRUE(findings->interrupted);
  EXPECT_EQ(cluster.served(), 2);
  EXPECT_FALSE(cluster.pinned());
  EXPECT_THAT(objections(*findings), Contains("1 of 100 swaps were made"));
}

TEST(ProveSwap, RefusesWhatCannotBeProved) {
  Silent progress;
  FakeCluster one({.versions = {2}});
  EXPECT_EQ(prove_swap(options_for(one), -1, progress).error().detail,
            "m has version 2 alone, and a swap needs two; --swaps 0 is load alone");
  FakeCluster nothing_served({.versions = {1, 3}});
  EXPECT_EQ(prove_swap(options_for(nothing_served), -1, progress).error().detail, "m is not ready");
  ProveOptions options = options_for(one);
  options.model = "other";
  EXPECT_EQ(prove_swap(options, -1, progress).error().detail, "the cluster has no model 'other'");
  options.url = "http://127.0.0.1:1";
  EXPECT_EQ(prove_swap(options, -1, progress).error().detail,
            "no server answers at 127.0.0.1:1: Connection refused");
  options.url = "nonsense";
  EXPECT_EQ(prove_swap(options, -1, progress).error().detail,
            "'nonsense' is not of the form http://HOST:PORT");
}

}  // namespace
}  // namespace sluice::cluster
