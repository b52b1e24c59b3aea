// Which requests each executor is executing, in a memfd that the node maps as well: what the worker
// was running when it died is read from there afterwards. Written by the executors without a lock,
// each to cache lines of its own; read by the node only after the process has ended.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::worker {

inline constexpr std::size_t kSuspectSlots = limits::kExecutorsPerWorker;

// A new zeroed, close-on-exec memfd of the right size; the caller owns the descriptor and passes it
// to the worker it starts. Each life of a worker gets its own.
Result<int> new_suspects_fd();

// The ids in the slots of `fd`: what was running; at most limits::kSuspects. Also right for a
// process that is still alive, with the usual race.
Result<std::vector<RequestId>> read_suspects(int fd);

// The worker's side: the mapped slots.
class Suspects {
 public:
  Suspects() = default;  // writes go nowhere: a worker started by hand
  Suspects(const Suspects&) = delete;
  Suspects& operator=(const Suspects&) = delete;
  Suspects(Suspects&& other) noexcept;
  Suspects& operator=(Suspects&& other) noexcept;
  ~Suspects();

  // Maps `fd`, which may be closed afterwards. invalid_argument: too small or not mappable.
  static Result<Suspects> map(int fd);

  // `slot` < kSuspectSlots. Id 0 is never a request's: it means idle. One thread a slot. At most
  // limits::kJoinedRequests ids, those of one run.
  void begin(std::size_t slot, std::span<const RequestId> ids) noexcept;
  // Of the last begin, which had `count`.
  void end(std::size_t slot, std::size_t count) noexcept;

 private:
  void* memory_ = nullptr;
};

}  // namespace sluice::worker
