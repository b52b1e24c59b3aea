// LinkTable: the workers attached to a shard, by the shell's link keys: what each may take, what it
// has, and when it was last heard from.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "gateway/route/counters.h"
#include "gateway/route/in_flight.h"
#include "gateway/route/messages.h"
#include "gateway/route/worker_health.h"

namespace sluice::gateway {

struct WorkerSlot {
  bool attached = false;
  bool held = false;  // not admitted by the latest RouteSet: met, but idle
  bool draining = false;
  bool suspected = false;
  bool refusing = false;   // answered `unavailable`: no new work until its next heartbeat
  bool replaced = false;   // its process has a newer link; this one only waits for its requests
  bool exclusive = false;  // runs a suspect by itself
  LinkKey key = kNone;
  std::string id;          // the same over restarts
  std::string worker;      // of this life
  std::uint64_t life = 0;  // of this attach; never used again
  std::uint32_t model = kNone;
  std::uint32_t version = kNone;
  std::uint32_t credit = 0;
  std::uint32_t executors = 1;
  Duration beat_interval{};
  TimePoint heard;       // last message on it
  TimePoint retry_from;  // of suspected: its requests may be retried elsewhere from here on
  std::uint64_t progress = 0;
  TimePoint progressed;  // when the progress counter last moved, or nothing was running
  RequestList sent;      // outstanding attempts, oldest first
  WorkerHealth health;

  // Two intervals without a word: not yet suspected, but no new work.
  [[nodiscard]] bool quiet(TimePoint now) const { return now - heard > 2 * beat_interval; }
  // May be given work in general; whether it has room now is `has_room`.
  [[nodiscard]] bool serving(TimePoint now) const {
    return attached && !held && !draining && !suspected && !refusing && !quiet(now);
  }
  // Counted in Version::hopeful: work will come back to it even if it is suspected now.
  [[nodiscard]] bool hopeful() const { return attached && !held && !draining && !replaced; }
  [[nodiscard]] bool has_room() const { return sent.size() < credit && !exclusive; }
};

class LinkTable {
 public:
  // Null when `key` is beyond limits::kLinksPerShard or in use.
  WorkerSlot* attach(LinkKey key);
  // Null when nothing is attached there.
  WorkerSlot* find(LinkKey key);
  [[nodiscard]] const WorkerSlot* find(LinkKey key) const;
  void close(WorkerSlot& link);
  // The link of the process that is not replaced, other than `except`; null: none.
  WorkerSlot* newest_of(std::string_view worker, LinkKey except = kNone);

  // All places; skip those that are not `attached`.
  [[nodiscard]] std::vector<WorkerSlot>& all() noexcept { return slots_; }
  [[nodiscard]] const std::vector<WorkerSlot>& all() const noexcept { return slots_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  std::vector<WorkerSlot> slots_;
  std::size_t count_ = 0;
  std::uint64_t next_life_ = 1;
};

}  // namespace sluice::gateway
