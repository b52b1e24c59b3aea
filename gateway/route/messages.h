// What a shard's shell tells its dispatcher (events) and what the dispatcher decides (actions).
// Plain values; views and spans live until the call they are handed to returns.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "gateway/route/queue_rules.h"

namespace sluice::gateway {

// A worker's link, named by the shell: a small dense index (below limits::kLinksPerShard), one for
// each identity of the ROUTER. It is taken from WorkerAttached until the action CloseLink, and may
// then be used again.
using LinkKey = std::uint32_t;

// --- events -------------------------------------------------------------------------------------

// A fully received request. See Dispatcher::admit.
struct Admit {
  std::string_view model;
  std::optional<std::int64_t> version = std::nullopt;  // absent: any version that is routed to
  std::size_t bytes = 0;  // of its body: counts against the queue's bound
  TimePoint deadline;     // absolute
  // When the time-out that the request names itself is over: a second deadline, or how long it may
  // wait (queue_rules.h).
  std::optional<TimePoint> wish = std::nullopt;
  std::uint32_t priority = 0;  // 1 is the highest; 0: the model's default
  // Digest of model and body, or 0. Only looked at while Dispatcher::wants_fingerprints(): the
  // shell need not compute it otherwise.
  std::uint64_t fingerprint = 0;
};

// The client closed its connection before the answer. The id is finished: no answer follows.
struct ClientGone {
  RequestId id = 0;
};

// hello arrived and was answered by welcome: the worker is ready. A `worker` that is attached
// already (a new identity of the same process) replaces its older link.
struct WorkerAttached {
  LinkKey link = 0;
  std::string id;      // the same over restarts: what a RouteSet admits
  std::string worker;  // process-unique id, a new one for each life
  std::string model;
  std::int64_t version = 1;
  std::uint32_t credit = 0;     // requests this shard may have outstanding on it
  std::uint32_t executors = 1;  // requests it runs at the same time
  Duration beat_interval = limits::kHeartbeatOnHost;
};

struct HeartbeatArrived {
  LinkKey link = 0;
  std::uint32_t credit = 0;
  std::uint64_t progress = 0;  // moves whenever an executor does; any start value
  bool running = false;        // an executor has work; with progress: tells stuck from idle
};

// A result or a failure came back. `credit` as announced in it; absent: unchanged.
struct ResultArrived {
  LinkKey link = 0;
  RequestId id = 0;
  std::uint32_t attempt = 0;
  std::optional<ErrorCode> failure =
      std::nullopt;    // absent: a result. `unavailable`: it was not run, by a worker
                       // that takes no work now; it is queued again
  Duration service{};  // compute time inside the worker; 0: unknown
  std::optional<std::uint32_t> credit = std::nullopt;
};

// The worker asks to leave: no new work; Bye once nothing is outstanding on it.
struct WorkerDraining {
  LinkKey link = 0;
};

// Evidence of the link itself that the peer is unreachable (EHOSTUNREACH on send, a disconnect
// event). Suspicion, not proof: the requests on it are re-run within the retry budget.
struct LinkLost {
  LinkKey link = 0;
};

// A node's report: the process is gone. `running`: ids its executors were running then, of any
// shard.
struct WorkerDied {
  std::string_view worker;
  std::span<const RequestId> running;
  bool killed = false;  // by SIGKILL: less of a proof against what was running than a crash
};

// What control says of a version.
enum class VersionState : std::uint8_t {
  expected,  // configured, starting, restarting or ready: requests wait for it
  draining,  // new requests that name it are answered not_found; accepted ones are finished
  failed,    // gave up: requests are answered unavailable with `reason`
};

struct VersionRoute {
  std::int64_t version = 1;
  VersionState state = VersionState::expected;
  std::string_view reason = {};  // of failed, for the caller
  int weight = 0;  // share of the unversioned requests, against its model's other versions
  std::span<const std::string> workers = {};  // ids that may be given work; the others are held
};

// All that control says of one model, replacing what it said before, taken over as one. Before the
// first of these, and for versions that it does not name, no worker is given work: such a version
// is retired, requests that name it are answered not_found.
struct RouteSet {
  std::string_view model;
  std::span<const VersionRoute> versions = {};
  bool expected = false;  // the model: unversioned requests wait even while no version is named
  QueueRules rules = {};  // of requests that come from now on
};

// The gateway stops taking work: every later admit is refused with `unavailable`.
struct GatewayDraining {};

// The shell has digested the payload of a request answered with Answer::quarantine.
struct Quarantined {
  std::string_view model;
  std::uint64_t fingerprint = 0;
};

// --- actions ------------------------------------------------------------------------------------

// Send the stored payload to the worker.
struct Send {
  LinkKey link = 0;
  RequestId id = 0;
  std::uint32_t attempt = 0;
  TimePoint deadline;
  bool alone = false;  // a suspect: the worker must run it with nothing beside it
};

struct Cancel {
  LinkKey link = 0;
  RequestId id = 0;
  std::uint32_t attempt = 0;
};

// Terminal: answer the client with the error, drop the payload, forget the id.
struct Answer {
  RequestId id = 0;
  Error error;
  std::int64_t version = 0;  // whose worker has it; 0: it waits, whatever version it named
  // Digest the payload first and hand the digest back by Quarantined, so that the same request sent
  // again is refused at the door.
  bool quarantine = false;
};

// Terminal: the reply in the ResultArrived just handed in is the answer.
struct Deliver {
  RequestId id = 0;
};

// The worker may leave: send bye. CloseLink of the same link follows in the same vector.
struct Bye {
  LinkKey link = 0;
};

// Forget the link: drop its identity; the key is free.
struct CloseLink {
  LinkKey link = 0;
};

enum class LinkNotice : std::uint8_t {
  suspected,     // silent for kMissedHeartbeats intervals, or LinkLost: no new work, no beats to it
  trusted,       // heard from again
  ejected_slow,  // no new work for a while: far slower than the others of its version, or stuck
  ejected_failing,
};

// For the log and nothing else.
struct Notice {
  LinkKey link = 0;
  LinkNotice what = LinkNotice::suspected;
};

using Action = std::variant<Send, Cancel, Answer, Deliver, Bye, CloseLink, Notice>;

// Owned and cleared by the caller, which performs them in order.
using Actions = std::vector<Action>;

}  // namespace sluice::gateway
