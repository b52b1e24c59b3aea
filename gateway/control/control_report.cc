// ControlActor, what it shows of itself: log lines and metrics of the workers.

#include <string>
#include <tuple>
#include <utility>

#include "common/base/log.h"
#include "common/metrics/families.h"
#include "gateway/control/control_actor.h"

namespace sluice::gateway {

void ControlActor::log_workers() {
  for (const auto& [id, worker] : state_.workers()) {
    auto& logged = logged_states_[id];
    std::pair current{std::string(link::name_of(worker.state)), worker.reason};
    if (logged != current) {
      log_info("worker_state",
               {{"worker", id},
                {"model", worker.model},
                {"version", worker.version},
                {"pid", worker.pid},
                {"state", current.first},
                {"reason", worker.reason}});
      logged = std::move(current);
    }
  }
  std::erase_if(logged_states_,
                [&](const auto& entry) { return !state_.workers().contains(entry.first); });
}

void ControlActor::count_workers() {
  std::map<std::pair<std::string, std::int64_t>, std::uint64_t> restarts;
  std::map<std::tuple<std::string, std::int64_t, std::string>, std::int64_t> states;
  for (const auto& [id, worker] : state_.workers()) {
    restarts[{worker.model, worker.version}] += worker.restarts;
    for (int state = 1; state <= static_cast<int>(link::kLastWorkerState); ++state) {
      const auto each = static_cast<link::WorkerState>(state);
      states[{worker.model, worker.version, std::string(link::name_of(each))}] +=
          worker.state == each ? 1 : 0;
    }
  }
  for (const auto& [key, count] : states) {
    const auto& [model, version, state] = key;
    metrics_->gauge(metrics::kWorkerState, {model, std::to_string(version), state}).set(count);
  }
  for (const auto& [key, count] : restarts) {
    auto& counter =
        metrics_->counter(metrics::kWorkerRestartsTotal, {key.first, std::to_string(key.second)});
    if (count > counter.value()) {
      counter.add(count - counter.value());
    }
  }
}

}  // namespace sluice::gateway
