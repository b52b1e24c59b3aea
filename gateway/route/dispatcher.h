// Dispatcher: the routing core of one gateway shard. Decides for every request where and when it
// runs, when it is run again and how it ends. Pure: no sockets, threads, clock or payloads.
//
// The shell (shard_actor) calls `admit` or `on` with what happened and the loop's time, performs
// the actions appended, and calls `tick` not later than `next_due()`.
//
// Invariants
// 1. An accepted request ends exactly once: Answer, Deliver, or the shell's own ClientGone. Nothing
//    names its id afterwards.
// 2. At most one attempt of a request is current; results of others are counted and dropped.
// 3. Outstanding attempts on a link never exceed its credit at the moment of a Send.
// 4. No Send to a link that is draining, suspected or closed, nor at or after the deadline.
// 5. At its deadline a request is answered (at the latest by the tick then due), and the worker
// that
//    has it is told to cancel.
//
// Requests wait here, per model, bounded at the door; a request that comes back from a worker is
// queued in its old place, whatever the bound. Rules that follow a death: docs/adr/0002.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "gateway/route/counters.h"
#include "gateway/route/messages.h"

namespace sluice::gateway {

struct DispatcherOptions {
  std::uint8_t shard = 0;  // top byte of every id
  // Chooses between equal workers and starts the ids: a different one for each life of the shard,
  // so that a worker's report about an earlier life names none of this one's requests.
  std::uint64_t seed = 0;
  std::size_t queue_requests = limits::kQueueRequests;  // per model
  std::size_t queue_bytes = limits::kQueueBytes;        // per model
  std::size_t requests = limits::kRequestsPerShard;     // accepted and not ended, all models
};

// Bits of an id: shard 8, generation 36, slot 20. The slot is dense and reused after the id's end:
// the shell keeps the payloads in an array indexed by it.
inline constexpr unsigned kSlotBits = 20;
constexpr std::size_t slot_of(RequestId id) noexcept {
  return static_cast<std::size_t>(id & ((RequestId{1} << kSlotBits) - 1));
}

class Dispatcher {
 public:
  explicit Dispatcher(const DispatcherOptions& options);

  // A request at the door. The id of an accepted one; exactly one terminal action or ClientGone
  // follows, perhaps already in `actions`: store the payload before performing them. An error is
  // the client's answer and leaves nothing behind: not_found (no such model or version),
  // unavailable (the version has failed, nobody serves it or is expected to, the gateway drains),
  // resource_exhausted (queue full), deadline_exceeded, internal (the very request is quarantined).
  Result<RequestId> admit(const Admit& request, TimePoint now, Actions& actions);

  void on(const ClientGone& event, TimePoint now, Actions& actions);
  void on(const WorkerAttached& event, TimePoint now, Actions& actions);
  void on(const HeartbeatArrived& event, TimePoint now, Actions& actions);
  void on(const ResultArrived& event, TimePoint now, Actions& actions);
  void on(const WorkerDraining& event, TimePoint now, Actions& actions);
  void on(const LinkLost& event, TimePoint now, Actions& actions);
  void on(const WorkerDied& event, TimePoint now, Actions& actions);
  void on(const VersionStatus& event, TimePoint now, Actions& actions);
  void on(const RouteSet& event, TimePoint now, Actions& actions);
  void on(const GatewayDraining& event, TimePoint now, Actions& actions);
  void on(const Quarantined& event, TimePoint now, Actions& actions);

  // Expires deadlines, notices silent links, retries what waited for the budget or for an ejection
  // to end.
  void tick(TimePoint now, Actions& actions);
  // When tick must be called at the latest; TimePoint::max() when nothing is pending. Only ever
  // needs a timer moved when it became earlier: a tick that comes too early does nothing.
  [[nodiscard]] TimePoint next_due() const;

  // Whether Admit::fingerprint is looked at: something is quarantined.
  [[nodiscard]] bool wants_fingerprints() const;
  // Whether the shell sends heartbeats on this link: not while it is suspected, so that a worker
  // whose own sends are lost learns of it and dials anew.
  [[nodiscard]] bool beats(LinkKey link) const;
  // A worker of the model (and version) is attached, not draining and not suspected.
  [[nodiscard]] bool ready(std::string_view model, std::optional<std::int64_t> version) const;
  // Nothing accepted is unanswered.
  [[nodiscard]] bool idle() const;

  [[nodiscard]] const RouteCounters& counters() const;
  [[nodiscard]] std::vector<ModelView> models() const;
  [[nodiscard]] std::vector<WorkerView> workers() const;
};

}  // namespace sluice::gateway
