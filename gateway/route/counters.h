// What a dispatcher counts. Plain numbers of one thread; the shell copies them to the metrics.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "gateway/route/messages.h"

namespace sluice::gateway {

struct RouteCounters {
  std::uint64_t admitted = 0;   // accepted: exactly one of delivered, answered, cancelled follows
  std::uint64_t delivered = 0;  // terminal: a worker's result or failure
  // Terminal errors of our own and refusals at the door, by ErrorCode's value.
  std::array<std::uint64_t, std::size(kAllErrorCodes) + 1> answered{};
  std::uint64_t refused = 0;    // at the door, of those in `answered`
  std::uint64_t cancelled = 0;  // terminal: the client went away
  std::uint64_t expired = 0;    // answered deadline_exceeded, wherever they were
  std::uint64_t queue_full = 0;
  std::uint64_t queue_timeouts = 0;     // waited as long as the model's policy allows
  std::uint64_t quarantined = 0;        // a second death while alone
  std::uint64_t quarantine_hits = 0;    // the same request again, refused at the door
  std::uint64_t retries_running = 0;    // was running at a proven death
  std::uint64_t retries_waiting = 0;    // was waiting in a worker that died, or one that refused
  std::uint64_t retries_suspicion = 0;  // of a silent or lost link, within the budget
  std::uint64_t budget_exhausted = 0;   // times a suspicion retry had to wait for the budget
  std::uint64_t late_replies = 0;       // of an old attempt, a finished id or an unknown link
  std::uint64_t cancels_sent = 0;
  std::uint64_t ejections = 0;
  std::uint64_t suspicions = 0;
};

struct VersionLoad {
  std::int64_t version = 0;
  std::size_t in_flight = 0;
};

// One model, for metrics and `status`. The view is valid until the next event.
struct ModelView {
  std::string_view name;
  std::size_t queued = 0;  // whichever version will answer them
  std::size_t queued_bytes = 0;
  std::vector<VersionLoad> versions;
};

enum class LinkState : std::uint8_t { ready, held, draining, suspected };

// One attached worker. The view is valid until the next event.
struct WorkerView {
  LinkKey link = 0;
  std::string_view worker;
  std::string_view model;
  std::int64_t version = 0;
  LinkState state = LinkState::ready;
  bool ejected = false;
  std::uint32_t outstanding = 0;
  std::uint32_t credit = 0;
  Duration service_estimate{};
};

}  // namespace sluice::gateway
