// Board: what an executor and the link thread tell each other outside of messages, because the
// executor reads no mailbox while it runs a model: stop flags one way, counters the other. One
// board an executor, made by the wiring before the threads start and outliving them.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "worker/serve/batcher.h"
#include "worker/serve/done.h"

namespace sluice::worker {

// Who has an assigned request: whichever thread changes `waiting` first.
enum class Claim : std::uint8_t {
  waiting,  // in the executor's mailbox or run
  begun,    // the executor has begun it
  revoked,  // the link thread took it back: the executor passes over it
  ended,    // the executor is done with it, and has put its Done on the board
};

struct Board {
  // Set to `waiting` by the link thread when it assigns the slot.
  std::array<std::atomic<Claim>, kRunRequests> claim{};
  // Written by the executor before it sets the claim to `ended`, the link thread's from then on. An
  // executor tells of several ends at once, and may be in a long run before it does: who looks can
  // answer them earlier.
  std::array<Done, kRunRequests> done{};
  // Set by the link thread to stop the run of that slot's request, cleared when it assigns the
  // slot.
  std::array<std::atomic<bool>, kRunRequests> stop{};
  // The same for the run that several share, by the slot of their leader: set once nobody of them
  // waits for an answer.
  std::array<std::atomic<bool>, kRunRequests> stop_joined{};
  // Written by the executor alone.
  std::atomic<std::uint64_t> progress{0};  // executions begun plus ended
  std::atomic<std::uint64_t> executed{0};  // engine runs that ended
  std::atomic<std::uint64_t> requests{0};  // requests in them
  std::atomic<bool> running{false};
};

// True for exactly one of the two threads.
inline bool take_claim(Board& board, std::size_t slot, Claim as) noexcept {
  Claim expected = Claim::waiting;
  return board.claim[slot].compare_exchange_strong(expected, as, std::memory_order_acq_rel);
}

}  // namespace sluice::worker
