// InFlight: every accepted and unanswered request of a shard, in slots that ids name directly, so
// that no look-up hashes and nothing is allocated once the table has grown to its working size.
// RequestList: an order of requests threaded through the slots; a request is in at most one.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/time.h"
#include "common/link/infer.h"
#include "gateway/route/messages.h"

namespace sluice::gateway {

inline constexpr std::uint32_t kNone = UINT32_MAX;  // no slot, link, model or version

enum class RequestState : std::uint8_t { free, queued, sent };

// Parts of Request::order: the level above, then whether it is delayed, then the number of
// acceptance, which starts at 0.
inline constexpr std::uint64_t kDelayedOrder = std::uint64_t{1} << 55;
constexpr std::uint64_t order_of_level(std::uint32_t level) noexcept {
  return std::uint64_t{level} << 56;
}

struct Request {
  RequestId id = 0;
  TimePoint deadline;
  // When its first wait must end, if the queue's policy says so, and what comes then.
  TimePoint give_up = TimePoint::max();
  bool delays = false;      // true: it goes behind the others; false: it is refused
  std::uint8_t level = 0;   // its priority
  std::uint64_t order = 0;  // its place in every queue: by level, delay, acceptance
  std::size_t bytes = 0;
  std::uint32_t model = kNone;
  std::uint32_t version = kNone;  // kNone: any that is routed to
  // Of one without a version that waits for its first worker: the version it was given by weight.
  // kNone: any that is routed to.
  std::uint32_t choice = kNone;
  std::uint32_t attempt = 0;  // of the latest Send
  LinkKey link = kNone;       // of the latest Send
  // Life of the link that a retry on suspicion took it from; 0: none. A later proof of that death
  // still finds the request.
  std::uint64_t moved_from = 0;
  std::uint32_t next = kNone;
  std::uint32_t previous = kNone;
  std::uint32_t heap_position = kNone;
  RequestState state = RequestState::free;
  bool suspect = false;    // was running at a death: runs by itself
  bool alone = false;      // its latest Send was by itself
  bool on_budget = false;  // holds a part of the suspicion budget
  int deaths_running = 0;

  // When something is to be done about it, whatever becomes of it.
  [[nodiscard]] TimePoint due() const noexcept { return std::min(deadline, give_up); }
};

class InFlight {
 public:
  // At most `limit` (<= 2^kSlotBits) requests; `seed` starts the generations.
  InFlight(std::uint8_t shard, std::uint64_t seed, std::size_t limit);

  // A fresh request with its id, or null when the limit is reached. Invalidates references.
  Request* start();
  // Null for an id that has ended or never was.
  Request* find(RequestId id);
  Request& at(std::uint32_t slot) { return slots_[slot]; }
  void finish(Request& request);
  [[nodiscard]] std::size_t alive() const noexcept { return alive_; }

 private:
  std::uint64_t prefix_;
  std::uint64_t first_generation_;
  std::size_t limit_;
  std::size_t alive_ = 0;
  std::uint64_t next_order_ = 0;
  std::vector<Request> slots_;
  std::vector<std::uint32_t> free_;
};

class RequestList {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == kNone; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t front() const noexcept { return head_; }  // kNone when empty

  void push_back(InFlight& table, Request& request);
  // Where its order puts it; quick near both ends.
  void insert_in_order(InFlight& table, Request& request);
  void remove(InFlight& table, Request& request);

 private:
  std::uint32_t head_ = kNone;
  std::uint32_t tail_ = kNone;
  std::size_t size_ = 0;
};

}  // namespace sluice::gateway
