// Oracle: everything that happened in one simulation, held against what must be true. It knows
// nothing of the dispatcher's insides: it sees what the shards' shells were told and what they did.
//
// 1. One terminal answer for each accepted request of a gateway that lives, and none after it.
// 2. None later than its deadline and kSlack.
// 3. Work goes only to links that are attached, admitted, not draining, heard from lately and below
//    credit, and of the version that the request names, or of one that takes those that name none.
// 4. Only the answer of the current attempt is delivered.
// 5. What ends while a worker has it is cancelled there.
// 6. The queue's bounds hold at the door, and those of each level.
// 7. Retries on suspicion under way stay within their budget.
// 8. Only poison is ever answered `internal`, and what was running at three deaths, of which some
//    came from outside; everything else is answered by a worker or expires, and what has time
//    enough, or comes when all is calm, is answered by a worker.
// 9. A poison request kills two workers, and one more for each retry of it on mere suspicion.
// 10. Nothing is executed after its deadline.
// 11. Each shard's own counters agree.
// 12. No request is sent for the first time before one of a higher level that could go there as
// well
//     and waits as new, nor one whose time is up before one of its level whose time is not.
// 13. Who is refused for having waited too long has, as new, and is refused in time.
// 14. A version is quiet when nothing names it and nothing is outstanding on its workers, and only
//     then. Only requests that name a draining version are refused for it.

#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/route/counters.h"
#include "gateway/route/messages.h"
#include "tests/sim/plan.h"

namespace sluice::sim {

inline constexpr auto kSlack = std::chrono::milliseconds(50);

// Sums over seeds: each must have happened, or the simulation shows nothing.
struct Coverage {
  std::uint64_t requests = 0;
  std::uint64_t delivered = 0;
  std::uint64_t retries_running = 0;
  std::uint64_t retries_waiting = 0;
  std::uint64_t retries_suspicion = 0;
  std::uint64_t budget_exhausted = 0;
  std::uint64_t late_replies = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t quarantine_hits = 0;
  std::uint64_t queue_full = 0;
  std::uint64_t queue_timeouts = 0;
  std::uint64_t cancels_sent = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t expired = 0;
  std::uint64_t suspicions = 0;
  std::uint64_t ejections = 0;
  std::uint64_t broken_connections = 0;  // of clients, by gateway restarts
  std::array<std::uint64_t, kFaultKinds> faults{};

  void add(const gateway::RouteCounters& counters);
  void add(const Coverage& other);
};

class Oracle {
 public:
  explicit Oracle(const Plan& plan);

  // The door of a shard.
  void asked(std::uint32_t question, TimePoint now);
  void accepted(std::uint32_t question, RequestId id);
  void waits(std::uint32_t question, std::size_t queued, std::size_t queued_bytes);
  void refused(std::uint32_t question, const Error& error, TimePoint now);
  void client_gone(RequestId id);
  void connection_broken(std::uint32_t question);  // the gateway died

  // Links, as a shard's shell sees them.
  struct LinkId {
    std::size_t shard = 0;
    gateway::LinkKey key = 0;
    friend auto operator<=>(const LinkId&, const LinkId&) = default;
  };
  // `id`: of the worker, the same over its lives; `worker`: of this life.
  void attached(LinkId link,
                const std::string& id,
                std::int64_t version,
                const std::string& worker,
                std::uint32_t credit,
                TimePoint now);
  void heard(LinkId link, TimePoint now);
  void credit(LinkId link, std::uint32_t credit);
  void draining(LinkId link);
  void suspected(LinkId link, bool suspected);
  void closed(LinkId link);
  void result_read(LinkId link, RequestId id, std::uint32_t attempt);
  void death_told(std::size_t shard, const std::string& worker);
  void gateway_died();

  void note_served(std::size_t shard);
  // What a shard was told, and what it says of a version.
  void routed(std::size_t shard, const Snapshot& snapshot);
  void quiet(std::size_t shard, std::int64_t version, bool quiet);

  // What a shard decided.
  void sent(LinkId link, const gateway::Send& send, TimePoint now);
  void cancel_sent(const gateway::Cancel& cancel);
  void answered(const gateway::Answer& answer, TimePoint now);
  void delivered(RequestId id, std::uint32_t attempt, TimePoint now);
  // After each vector of actions.
  void settled(std::size_t shard);

  // What a worker did.
  void executed(std::uint32_t question, TimePoint now, TimePoint deadline);
  // `outside`: nothing that it ran killed the worker.
  void running_at_death(std::uint32_t question, bool outside);
  void killed_by(std::uint32_t question);

  // A shard ends, at a gateway's death or the simulation's end.
  void finish(std::size_t shard, const gateway::RouteCounters& counters);
  void finish_questions();

  [[nodiscard]] bool failed() const noexcept { return !violation_.empty(); }
  [[nodiscard]] const std::string& violation() const noexcept { return violation_; }

 private:
  enum class State : std::uint8_t { unseen, asked, alive, ended, broken };

  struct Fate {
    State state = State::unseen;
    TimePoint deadline;
    RequestId id = 0;
    std::uint32_t attempt = 0;             // of the latest Send
    LinkId link;                           // of the latest Send
    TimePoint give_up = TimePoint::max();  // of its first wait
    bool outstanding = false;              // the latest attempt is on its link
    bool moved = false;                    // a retry on suspicion is under way
    bool gone = false;                     // the client went away
    bool by_worker = false;                // the answer came from a worker
    int moves = 0;
    int kills = 0;
    int deaths = 0;  // it was running at
    int deaths_outside = 0;
    bool blamed = false;     // answered `internal`, rightly
    bool timed_out = false;  // refused for having waited too long, rightly
  };
  struct Link {
    bool attached = false;
    bool draining = false;
    bool suspected = false;
    bool replaced = false;  // by a later one of the same worker
    std::string id;
    std::string worker;
    std::int64_t version = 0;
    std::uint32_t credit = 0;
    TimePoint heard;
    std::vector<RequestId> outstanding;
  };

  void fail(std::string words);
  Fate* alive(RequestId id);
  void off_link(Fate& fate);
  void end(Fate& fate);
  [[nodiscard]] bool reachable(const Fate& fate) const;
  // New and in the queue of that shard.
  [[nodiscard]] static bool waits_as_new(const Fate& fate);
  void check_order(std::size_t shard, const Question& asked, const Fate& fate, TimePoint now);
  void check_wait(const Question& question, Fate& fate, const Error& error, TimePoint now);
  Link& link_at(LinkId link);

  const Plan* plan_;
  std::vector<Fate> fates_;
  struct Known {
    RequestId id = 0;
    std::uint32_t question = 0;
  };
  std::array<std::vector<Known>, kShards> known_;  // ids of the gateway that lives, by slot
  std::array<std::vector<Link>, kShards> links_;
  std::array<Snapshot, kShards> snapshots_;
  std::array<std::size_t, kShards> alive_{};
  std::array<std::size_t, kShards> moved_{};
  std::set<std::pair<std::size_t, std::uint64_t>> quarantined_;  // shard, fingerprint
  // And of before a version was first given work, which it may be harmless to.
  std::set<std::pair<std::size_t, std::uint64_t>> ever_quarantined_;
  std::array<std::set<std::int64_t>, kShards> served_;  // versions that were ever given work
  std::vector<RequestId> must_cancel_;
  std::vector<RequestId> cancelled_now_;
  std::string violation_;
};

}  // namespace sluice::sim
