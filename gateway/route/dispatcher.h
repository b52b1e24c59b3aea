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
// 4. No Send to a link that is held, draining, suspected or closed, nor at or after the deadline.
// 5. At its deadline a request is answered (at the latest by the tick then due), and the worker
// that
//    has it is told to cancel.
// 6. A request that names a version runs on that version; one that names none on a version that had
//    a weight between its admission and the Send.
//
// Where several versions of a model have weights, each request that names none is given one of them
// when it is accepted, in a smooth order (so 10 of any 100 in a row go to a weight of 10), and
// waits for it alone; a version without a worker that can serve is passed over while another has
// one. Once a request comes back from a worker, it may go to any of them.
//
// Requests wait here, per model, bounded at the door; a request that comes back from a worker is
// queued in its old place, whatever the bound. Those of a higher priority go first, and each waits
// for its first worker only as long as its model's rules allow (queue_rules.h): at the tick then
// due it is refused, or goes behind all others of its priority. Rules that follow a death:
// docs/adr/0002-retry-and-quarantine.md.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "gateway/route/balancer.h"
#include "gateway/route/catalog.h"
#include "gateway/route/counters.h"
#include "gateway/route/deadline_heap.h"
#include "gateway/route/in_flight.h"
#include "gateway/route/link_table.h"
#include "gateway/route/messages.h"
#include "gateway/route/quarantine.h"
#include "gateway/route/request_id.h"
#include "gateway/route/retry_policy.h"

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

// Each rule of the dispatcher that a mistake could break. The program is built with all of them; a
// test derives from this with one turned off and shows that the simulation notices (tests/sim).
struct Rules {
  static constexpr bool kDiscardsOldAttempts =
      true;                                     // a result counts for the current attempt only
  static constexpr bool kDropsFinished = true;  // and for nothing once the request has ended
  static constexpr bool kChecksDeadlines = true;
  static constexpr bool kCancels = true;  // an outstanding attempt that no one waits for
  static constexpr bool kHonoursCredit = true;
  static constexpr bool kAvoidsNotReady = true;  // draining, suspected, silent workers
  static constexpr bool kBoundsQueue = true;
  static constexpr bool kBoundsDeathRetries = true;  // of what was running at proven deaths
  static constexpr bool kBudgetsSuspicion = true;
  static constexpr bool kIsolatesSuspects = true;
  static constexpr bool kSparesBystanders = true;  // only what was running is a suspect
  static constexpr bool kSparesKilled = true;      // a SIGKILL is less of a proof than a crash
  static constexpr bool kRequeues = true;          // what was on a dead worker
  static constexpr bool kHolds = true;             // workers that no RouteSet admits
  static constexpr bool kEmptiesDraining = true;   // of what names no version
  static constexpr bool kOrdersByLevel = true;     // higher priorities first
  static constexpr bool kEndsWaits = true;         // at the time-out of the queue
};

template <class R>
class BasicDispatcher {
 public:
  explicit BasicDispatcher(const DispatcherOptions& options);

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
  // Nothing waits for the version by its name or is outstanding on a worker of it.
  [[nodiscard]] bool quiet(std::string_view model, std::int64_t version) const;
  // Nothing accepted is unanswered.
  [[nodiscard]] bool idle() const;

  [[nodiscard]] const RouteCounters& counters() const;
  [[nodiscard]] std::vector<ModelView> models() const;
  [[nodiscard]] std::vector<WorkerView> workers(TimePoint now) const;

 private:
  // Requests (dispatcher_requests.h).
  Error refuse(Error error);
  void send(Request& request, WorkerSlot& link, bool alone, TimePoint now, Actions& actions);
  void cancel(const Request& request, Actions& actions);
  // Takes a sent request off its link; its share of the budget stays with it.
  void take_back(Request& request);
  void requeue(Request& request) { catalog_.at(request.model).queue.put(in_flight_, request); }
  void end(Request& request);
  void answer(Request& request, Error error, Actions& actions, bool quarantine = false);
  void expire(Request& request, Actions& actions);
  void end_wait(Request& request);
  void on_waited(Request& request, Actions& actions);

  // The queue (dispatcher_queue.h).
  // The version that the next unversioned request is given by weight; kNone: any.
  std::uint32_t choose(Model& model, TimePoint now);
  // Whether a worker of each version may be given work in general: into `able_`, by version index.
  void find_able(const Model& model, TimePoint now);
  void release_choices(Model& model, TimePoint now);
  WorkerSlot* pick(const Model& model, std::uint32_t version, TimePoint now);
  LinkKey reservation_for(const Model& model, std::uint32_t version, TimePoint now) const;
  void send_suspects(Model& model, TimePoint now, Actions& actions);
  void pump(std::uint32_t model, TimePoint now, Actions& actions);

  // Versions (dispatcher_versions.h).
  void declare(Model& model, const VersionRoute& route);
  void hold_or_admit(WorkerSlot& link);
  void answer_hopeless(std::uint32_t model, TimePoint now, Actions& actions);

  // Workers (dispatcher_workers.h).
  bool fits(const WorkerSlot& link, const Model& model, std::uint32_t version) const;
  void heard_from(WorkerSlot& link, TimePoint now, Actions& actions);
  void consider_ejection(WorkerSlot& link, TimePoint now, Actions& actions);
  // Bye when it drains and has nothing left; forgets a replaced link that has nothing left.
  void settle(WorkerSlot& link, Actions& actions);
  void close(WorkerSlot& link, Actions& actions);
  void check_links(TimePoint now, Actions& actions);
  // What every event ends with: freed room is used, suspicion retries get their turn.
  void use_room(std::uint32_t model, TimePoint now, Actions& actions);

  // Lost links and deaths (dispatcher_deaths.h).
  void suspect(WorkerSlot& link, TimePoint retry_from, Actions& actions);
  bool serves_elsewhere(const Request& request, LinkKey link, TimePoint now) const;
  void retry_suspected(TimePoint now, Actions& actions);
  void move_away(Request& request, WorkerSlot& link, Actions& actions);
  void after_death_of(Request& request, DeathFacts facts, bool was_there, Actions& actions);

  RouteCounters counters_;
  InFlight in_flight_;
  DeadlineHeap deadlines_;
  Catalog catalog_;
  LinkTable links_;
  Balancer balancer_;
  SuspicionBudget budget_;
  Quarantine quarantine_;
  bool draining_ = false;
  bool budget_dry_ = false;
  std::size_t suspected_ = 0;  // links
  TimePoint next_check_ = TimePoint::max();
  std::vector<Candidate> candidates_;   // scratch of `pick`
  std::vector<Candidate> ejected_;      // scratch of `pick`
  std::vector<bool> able_;              // scratch of `find_able`
  std::vector<std::uint32_t> touched_;  // scratch: slots or models of the event in hand
};

extern template class BasicDispatcher<Rules>;
using Dispatcher = BasicDispatcher<Rules>;

}  // namespace sluice::gateway
