// The batcher: requests added, handed out in runs and done. The argument is the number of
// executors.

#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "worker/serve/batcher.h"

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;

constexpr int kAtOnce = 32;

void batcher_rounds(benchmark::State& state) {
  Batcher batcher({.executors = static_cast<std::size_t>(state.range(0))});
  batcher.expect_service(10us);
  const TimePoint now(1000s);
  std::vector<Job> expired;
  RequestId id = 0;
  for (auto _ : state) {
    for (int i = 0; i < kAtOnce; ++i) {
      Job job{.id = ++id,
              .attempt = 1,
              .from = {.link = 0, .attach = 1},
              .deadline = now + 1s,
              .received = now,
              .body = {}};
      static_cast<void>(batcher.add(std::move(job)));
    }
    while (batcher.queued() > 0 || batcher.assigned() > 0) {
      for (const Run& run : batcher.hand_out(now, expired)) {
        for (const Assigned& assigned : run.requests) {
          batcher.on_done(run.executor, assigned.slot, 10us);
        }
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * kAtOnce);
}
BENCHMARK(batcher_rounds)->Arg(1)->Arg(4);

}  // namespace
}  // namespace sluice::worker
