// Board: what an executor and the link thread tell each other outside of messages, because the
// executor reads no mailbox while it runs a model: stop flags one way, counters the other. One
// board an executor, made by the wiring before the threads start and outliving them.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "worker/serve/batcher.h"

namespace sluice::worker {

struct Board {
  // Set by the link thread to stop the request in that slot, cleared by it when the slot is free.
  std::array<std::atomic<bool>, kRunRequests> stop{};
  // Written by the executor alone.
  std::atomic<std::uint64_t> progress{0};  // executions begun plus ended
  std::atomic<std::uint64_t> executed{0};  // engine runs that ended
  std::atomic<bool> running{false};
};

}  // namespace sluice::worker
