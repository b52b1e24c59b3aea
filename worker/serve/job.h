// Job: one accepted request on its way through the worker.

#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/time.h"
#include "common/link/infer.h"
#include "common/link/message.h"

namespace sluice::worker {

// One socket of one link: an answer goes only to the very socket its request came from.
struct LinkRef {
  std::size_t link = 0;      // index of the shard's link in the link actor
  std::uint64_t attach = 0;  // Attach::count() when the request came

  friend bool operator==(const LinkRef&, const LinkRef&) = default;
};

struct Job {
  RequestId id = 0;
  std::uint32_t attempt = 0;
  LinkRef from;
  TimePoint deadline;
  TimePoint received;
  link::Body body;          // as received: the executor decodes it
  std::uint64_t order = 0;  // the batcher's: in which they came
  bool alone = false;       // a suspect: nothing may run beside it
  // Of join.h's note_shape: requests of one shape may share a run; 0: joins nobody.
  std::uint64_t shape = 0;
  std::int64_t rows = 1;  // that it adds to the run
};

}  // namespace sluice::worker
