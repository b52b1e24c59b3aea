#include "cluster/serve/process_tree.h"

#include <chrono>
#include <csignal>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1'000)};
constexpr ProcessExit kKilled{.code = 0, .signal = SIGKILL};
constexpr ProcessExit kEnded{.code = 0, .signal = 0};
constexpr ProcessExit kFailed{.code = 1, .signal = 0};

const TreeActions kNothing;

TreeActions starts(Part part) {
  return {StartPart{part}};
}
TreeActions signals(Part part, int signal) {
  return {SignalPart{part, signal}};
}
TreeActions finishes(int code) {
  return {FinishTree{code}};
}

// Both parts run; `up` says that they work.
class Tree : public testing::Test {
 protected:
  Tree() {
    EXPECT_EQ(tree.begin(), (TreeActions{StartPart{Part::gateway}, StartPart{Part::node}}));
    tree.on_started(Part::gateway);
    tree.on_started(Part::node);
  }
  void up() {
    tree.on_up(Part::gateway, now);
    tree.on_up(Part::node, now);
  }
  TreeActions ends(Part part, const ProcessExit& exit) { return tree.on_exit(part, exit, now); }
  void after(Duration time) { now += time; }

  ProcessTree tree{seconds(34), seconds(5)};
  TimePoint now = kStart;
};

TEST_F(Tree, a_part_that_served_a_while_comes_back_at_once) {
  for (const Part part : kParts) {
    up();
    after(seconds(1));
    EXPECT_EQ(ends(part, kKilled), starts(part));
    tree.on_started(part);
  }
}

TEST_F(Tree, a_part_that_just_came_up_waits_a_second) {
  up();
  EXPECT_EQ(ends(Part::gateway, kKilled), kNothing);
  EXPECT_EQ(tree.next_due(), now + seconds(1));
  EXPECT_EQ(tree.due(now + milliseconds(999)), kNothing);
  EXPECT_EQ(tree.due(now + seconds(1)), starts(Part::gateway));
  EXPECT_EQ(tree.next_due(), std::nullopt);
}

TEST_F(Tree, a_part_that_ends_by_itself_before_it_worked_ends_the_other_and_all) {
  EXPECT_EQ(ends(Part::gateway, kFailed), signals(Part::node, SIGTERM));
  EXPECT_EQ(ends(Part::node, kEnded), finishes(1));
}

TEST_F(Tree, a_part_that_failed_after_it_worked_is_tried_again) {
  up();
  after(seconds(5));
  EXPECT_EQ(ends(Part::node, kFailed), starts(Part::node));
}

TEST_F(Tree, a_part_that_dies_five_times_before_it_works_ends_all) {
  for (int death = 1; death < limits::kEarlyDeaths; ++death) {
    EXPECT_EQ(ends(Part::node, kKilled), kNothing) << death;
    now = *tree.next_due();
    EXPECT_EQ(tree.due(now), starts(Part::node));
    tree.on_started(Part::node);
  }
  EXPECT_EQ(ends(Part::node, kKilled), signals(Part::gateway, SIGINT));
  EXPECT_EQ(ends(Part::gateway, kEnded), finishes(1));
}

TEST_F(Tree, a_part_that_cannot_be_started_is_tried_again) {
  up();
  EXPECT_EQ(ends(Part::gateway, kKilled), kNothing);
  after(seconds(1));
  EXPECT_EQ(tree.due(now), starts(Part::gateway));
  EXPECT_EQ(tree.on_start_failed(Part::gateway, now), kNothing);
  EXPECT_EQ(tree.next_due(), now + seconds(2));
}

TEST_F(Tree, a_signal_ends_the_gateway_first_and_then_the_node) {
  up();
  EXPECT_EQ(tree.on_signal(now), signals(Part::gateway, SIGINT));
  EXPECT_EQ(tree.next_due(), now + seconds(34));
  after(seconds(3));
  EXPECT_EQ(ends(Part::gateway, kEnded), signals(Part::node, SIGTERM));
  EXPECT_EQ(tree.next_due(), now + seconds(5));
  EXPECT_EQ(ends(Part::node, kEnded), finishes(0));
}

TEST_F(Tree, what_does_not_end_within_its_limit_is_killed_once) {
  up();
  tree.on_signal(now);
  after(seconds(34));
  EXPECT_EQ(tree.due(now), signals(Part::gateway, SIGKILL));
  EXPECT_EQ(tree.due(now + seconds(1)), kNothing);
  EXPECT_EQ(ends(Part::gateway, kKilled), signals(Part::node, SIGTERM));
  after(seconds(5));
  EXPECT_EQ(tree.due(now), signals(Part::node, SIGKILL));
  EXPECT_EQ(ends(Part::node, kKilled), finishes(0));
}

TEST_F(Tree, a_second_signal_kills_both) {
  up();
  tree.on_signal(now);
  after(ProcessTree::kSameSignal);
  EXPECT_EQ(tree.on_signal(now),
            (TreeActions{SignalPart{Part::gateway, SIGKILL}, SignalPart{Part::node, SIGKILL}}));
  EXPECT_EQ(ends(Part::node, kKilled), kNothing);
  EXPECT_EQ(ends(Part::gateway, kKilled), finishes(1));
}

TEST_F(Tree, an_echo_of_the_signal_does_not_kill) {
  up();
  tree.on_signal(now);
  after(ProcessTree::kSameSignal - milliseconds(1));
  EXPECT_EQ(tree.on_signal(now), kNothing);
}

TEST_F(Tree, a_signal_while_a_part_waits_for_its_restart_starts_nothing) {
  up();
  EXPECT_EQ(ends(Part::gateway, kKilled), kNothing);
  EXPECT_EQ(tree.on_signal(now), signals(Part::node, SIGTERM));
  EXPECT_EQ(tree.due(now + seconds(2)), kNothing);
  EXPECT_EQ(ends(Part::node, kEnded), finishes(0));
}

TEST_F(Tree, giving_up_drains_and_returns_one_even_when_a_signal_follows) {
  up();
  EXPECT_EQ(tree.give_up(now), signals(Part::gateway, SIGINT));
  EXPECT_EQ(tree.give_up(now), kNothing);
  EXPECT_EQ(tree.on_signal(now), kNothing);
  EXPECT_EQ(ends(Part::gateway, kEnded), signals(Part::node, SIGTERM));
  EXPECT_EQ(ends(Part::node, kEnded), finishes(1));
}

}  // namespace
}  // namespace sluice::cluster
