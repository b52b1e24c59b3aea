#include "worker/serve/start_watch.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;

TEST(StartWatch, OneRunThatTakesTheWholeLimitIsStuck) {
  StartWatch watch(60s);
  const struct {
    Duration at;
    StartWatch::Seen seen;
    bool stuck;
  } rows[] = {
      {0s, {.busy = false, .runs = 0, .waited = {}}, false},
      {100s, {.busy = true, .runs = 1, .waited = {}}, false},
      {159s, {.busy = true, .runs = 1, .waited = {}}, false},
      {159s, {.busy = true, .runs = 2, .waited = {}}, false},
      {218s, {.busy = true, .runs = 2, .waited = {}}, false},
      {219s, {.busy = true, .runs = 2, .waited = {}}, true},
      {220s, {.busy = false, .runs = 2, .waited = {}}, false},
      {300s, {.busy = true, .runs = 2, .waited = {}}, false},
      {361s, {.busy = true, .runs = 2, .waited = {}}, true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(watch.stuck(row.seen, TimePoint(row.at)), row.stuck)
        << std::chrono::duration_cast<std::chrono::seconds>(row.at).count() << " s";
  }
}

TEST(StartWatch, WaitingForACpuIsNotHeldAgainstAThread) {
  StartWatch watch(60s);
  EXPECT_FALSE(watch.stuck({.busy = true, .runs = 1, .waited = 5s}, TimePoint(0s)));
  EXPECT_FALSE(watch.stuck({.busy = true, .runs = 1, .waited = 55s}, TimePoint(100s)));
  EXPECT_TRUE(watch.stuck({.busy = true, .runs = 1, .waited = 55s}, TimePoint(110s)));
}

}  // namespace
}  // namespace sluice::worker
