#include "worker/serve/executor_actor.h"

#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/process/memory.h"
#include "worker/serve/try_out.h"

namespace sluice::worker {
namespace {

// Answers wait for company this long while their run goes on, or until what they wait for turns out
// to take long (LinkActor::relieve_stuck): waking the link thread costs about a tenth of it.
constexpr Duration kGatherTime = std::chrono::microseconds(50);

}  // namespace

void ExecutorActor::receive(ExecutorInbox message, TimePoint /*now*/) {
  std::visit(Overloaded{[&](UseExecution& use) { on_use_execution(use); },
                        [&](ProbeModel&) { on_probe(); },
                        [&](Run& run) { on_run(run); },
                        [&](StopExecutor&) { parts_.loop->stop(); }},
             message);
}

void ExecutorActor::on_use_execution(UseExecution& message) {
  trials_ = message.trials;
  runner_.emplace(std::move(message.execution), *trials_, *parts_.suspects, *parts_.clock);
}

void ExecutorActor::on_probe() {
  SLUICE_CHECK(runner_.has_value());
  auto tried =
      try_out(*trials_, Stage::probe, 1, runner_->execution(), *parts_.clock, *parts_.start_board);
  if (!tried) {
    send(TrialFailed{std::move(tried).error().detail});
    return;
  }
  const MemoryUse memory = memory_use();
  send(Probed{{.probe_kind = tried->answered ? trials_->probe_kind : link::ProbeKind::none,
               .probe_finite = tried->finite,
               .memory_bytes = memory.share,
               .memory_peak_bytes = memory.peak}});
}

void ExecutorActor::on_run(const Run& run) {
  SLUICE_CHECK(runner_.has_value());
  const std::span<const Assigned> requests(run.requests);
  for (std::size_t at = 0; at < requests.size();) {
    const auto batch = requests.subspan(at, batch_size(requests.subspan(at)));
    const bool gathering = !finished_.slots.empty();
    runner_->execute_batch(parts_.index, batch, *parts_.board);
    for (const Assigned& request : batch) {
      finished_.slots.push_back(request.slot);
    }
    const TimePoint now = parts_.clock->now();
    oldest_ = gathering ? oldest_ : now;
    if (now - oldest_ >= kGatherTime) {
      flush();
    }
    at += batch.size();
  }
  flush();
}

void ExecutorActor::flush() {
  if (!finished_.slots.empty()) {
    finished_.executor = parts_.index;
    send(std::exchange(finished_, {}));
  }
}

void ExecutorActor::send(LinkInbox message) {
  // The link's mailbox holds more than credit lets be on the way.
  SLUICE_CHECK(parts_.link->offer(std::move(message)) == actor::Offer::accepted);
}

}  // namespace sluice::worker
