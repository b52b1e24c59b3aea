#include "worker/serve/formation.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kReceived(1000s);

// "A1 A1 B3 -1 !A1": shape (- joins nobody, ! runs alone) and rows, all received at kReceived.
std::deque<Job> queue_of(const std::string& text) {
  std::deque<Job> queue;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ' ') {
      continue;
    }
    Job job;
    job.alone = text[at] == '!';
    at += job.alone ? 1 : 0;
    job.shape = text[at] == '-' ? 0 : static_cast<std::uint64_t>(text[at]);
    job.rows = text[at + 1] - '0';
    job.received = kReceived;
    job.deadline = kReceived + 60s;
    job.id = queue.size() + 1;
    queue.push_back(job);
    ++at;
  }
  return queue;
}

// "0 1 4", or "later 10ms" for nobody before then.
std::string formed(const std::deque<Job>& queue,
                   const JoinRules& rules,
                   Duration after = 0s,
                   const Room& room = {.requests = 64, .idle = true}) {
  const Formed formed = form(queue, rules, room, 1ms, kReceived + after);
  std::string text;
  for (const std::size_t index : formed.members) {
    text += (text.empty() ? "" : " ") + std::to_string(index);
  }
  if (!formed.members.empty()) {
    return text;
  }
  return formed.again == TimePoint::max()
             ? "never"
             : "later " +
                   std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
                                      formed.again - kReceived)
                                      .count()) +
                   "ms";
}

TEST(Formation, WithoutDelayWhoeverIsThereGoes) {
  const JoinRules rules{.rows_most = 4};
  const struct {
    std::string queue;
    std::string wanted;
  } rows[] = {
      {"", "never"},
      {"A1", "0"},
      {"A1 A1 A1", "0 1 2"},
      {"A1 A1 A1 A1 A1", "0 1 2 3"},
      {"A3 A3 A1", "0"},       // the second does not fit, and is not overtaken
      {"A1 B1 A1 B1", "0 2"},  // others of the shape join from behind
      {"-1 A1 A1", "0"},       // joins nobody
      {"A1 -1 A1", "0 2"},
      {"A1 A1 !A1 A1", "0 1"},  // nothing behind one that must run alone
      {"!A1 A1", "never"},
      {"A4 A1", "0"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(formed(queue_of(row.queue), rules), row.wanted) << row.queue;
  }
  EXPECT_EQ(formed(queue_of("A1 A1 A1"), rules, 0s, {.requests = 2}), "0 1")
      << "as many requests as slots";
}

TEST(Formation, WithDelayTheFirstWaitsForCompany) {
  const JoinRules rules{.rows_most = 4, .delay = 10ms};
  const struct {
    std::string queue;
    Duration after;
    std::string wanted;
  } rows[] = {
      {"A1 A1", 0ms, "later 10ms"},
      {"A1 A1", 9ms, "later 10ms"},
      {"A1 A1", 10ms, "0 1"},
      {"A1 A1 A2", 0ms, "0 1 2"},  // full
      {"A3 A3", 0ms, "0"},         // can grow no more
      {"A1 B1 B3", 0ms, "1 2"},    // a full one does not wait for another shape
      {"A1 -1", 0ms, "1"},         // nor one that joins nobody
      {"A1 -1", 10ms, "0"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(formed(queue_of(row.queue), rules, row.after), row.wanted) << row.queue;
  }
}

TEST(Formation, APreferredNumberOfRowsGoesAtOnce) {
  const JoinRules rules{.rows_most = 8, .preferred = {2, 4}, .delay = 10ms};
  const struct {
    std::string queue;
    Duration after;
    std::string wanted;
  } rows[] = {
      {"A1", 0ms, "later 10ms"},
      {"A2", 0ms, "0"},  // alone of a preferred size
      {"A1 A1", 0ms, "0 1"},
      {"A1 A1 A1", 0ms, "0 1"},  // the largest that is there
      {"A1 A1 A1 A1 A1", 0ms, "0 1 2 3"},
      {"A3 A3", 0ms, "later 10ms"},  // 3 and 6 are not preferred
      {"A3 A3", 10ms, "0 1"},
      {"A3 A3 A3", 0ms, "0 1"},  // full
  };
  for (const auto& row : rows) {
    EXPECT_EQ(formed(queue_of(row.queue), rules, row.after), row.wanted) << row.queue;
  }
}

TEST(Formation, ForAnExecutorAtWorkOnlyWhatCannotGrow) {
  const Room busy{.requests = 64, .idle = false};
  const JoinRules rules{.rows_most = 4};
  EXPECT_EQ(formed(queue_of("A1 A1"), rules, 0s, busy), "never");
  EXPECT_EQ(formed(queue_of("A1 A1 A2"), rules, 0s, busy), "0 1 2");
  EXPECT_EQ(formed(queue_of("A1 -1"), rules, 0s, busy), "1");
  EXPECT_EQ(formed(queue_of("A1 A1"), {.rows_most = 4, .preferred = {2}}, 0s, busy), "0 1");
}

TEST(Formation, NobodyWaitsIntoHisDeadline) {
  const JoinRules rules{.rows_most = 4, .delay = 10ms};
  std::deque<Job> queue = queue_of("A1 A1");
  queue[1].deadline = kReceived + 7ms;  // two runs of 1 ms before
  EXPECT_EQ(formed(queue, rules), "later 5ms");
  EXPECT_EQ(formed(queue, rules, 5ms), "0 1");
}

}  // namespace
}  // namespace sluice::worker
