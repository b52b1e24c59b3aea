#include "worker/serve/warm_up.h"

#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "common/actor/thread.h"
#include "common/base/limits.h"
#include "worker/serve/start_watch.h"
#include "worker/serve/try_out.h"

namespace sluice::worker {
namespace {

// Stands still while the thread that asks waits for a processor.
class OwnTime final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override {
    return std::chrono::steady_clock::now() - cpu_wait_of(::gettid());
  }
};

Result<Duration> warm_up_one(const Trials& trials,
                             engine::Execution& execution,
                             StartBoard& board) {
  SLUICE_TRY_ASSIGN(
      const TriedOut tried,
      try_out(trials, Stage::warm_up, limits::kWarmUpRuns, execution, OwnTime(), board));
  return tried.service;
}

}  // namespace

Result<Duration> warm_up(const Trials& trials,
                         std::span<const std::unique_ptr<engine::Execution>> executions,
                         std::span<StartBoard> boards) {
  SLUICE_TRY_ASSIGN(const Duration service, warm_up_one(trials, *executions[0], boards[0]));
  std::vector<Result<Duration>> others(executions.size() - 1, Duration{});
  {
    std::vector<std::unique_ptr<actor::Thread>> threads;
    for (std::size_t i = 0; i < others.size(); ++i) {
      threads.push_back(std::make_unique<actor::Thread>("warmer" + std::to_string(i + 1), [&, i] {
        try {
          others[i] = warm_up_one(trials, *executions[i + 1], boards[i + 1]);
        } catch (const std::exception& error) {
          others[i] = Error{ErrorCode::internal, std::string("warming up: ") + error.what()};
        }
      }));
    }
  }
  for (auto& other : others) {
    SLUICE_TRY(std::move(other));
  }
  return service;
}

}  // namespace sluice::worker
