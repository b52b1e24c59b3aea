#include "worker/serve/try_out.h"

#include <algorithm>
#include <atomic>

#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/link/tensor_codec.h"
#include "worker/serve/execute.h"

namespace sluice::worker {
namespace {

// The only request that is on its way.
constexpr RequestId kTrialId = 1;
constexpr std::uint32_t kTrialAttempt = 1;

bool is_invalid_argument(const link::Message& answer) {
  if (answer.header.kind != link::Kind::failure) {
    return false;
  }
  const auto failure = link::decode_failure(answer.body);
  return failure && failure->error.code == ErrorCode::invalid_argument;
}

}  // namespace

Result<TriedOut> try_out(const Trials& trials,
                         Stage stage,
                         std::uint32_t runs_most,
                         engine::Execution& execution,
                         const Clock& clock,
                         StartBoard& board) {
  const std::atomic<bool> never{false};
  const auto& list = stage == Stage::probe ? trials.probes : trials.warm_ups;
  board.thread.store(static_cast<int>(::syscall(SYS_gettid)), std::memory_order_relaxed);
  board.probes.store(stage == Stage::probe, std::memory_order_relaxed);
  link::Encoder encoder;
  TriedOut tried;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Trial& trial = list[i];
    const ServedModel& served = trial.as_declared ? trials.declared : trials.served;
    board.trial.store(i, std::memory_order_relaxed);
    for (std::uint32_t run = 0; run < std::min(trial.count, runs_most); ++run) {
      const Job job{.id = kTrialId,
                    .attempt = kTrialAttempt,
                    .from = {},
                    .deadline = TimePoint::max(),
                    .received = clock.now(),
                    .body = trial.body};
      board.runs.fetch_add(1, std::memory_order_relaxed);
      board.busy.store(true, std::memory_order_release);
      const Executed executed = execute(job, served, execution, never, clock, encoder);
      board.busy.store(false, std::memory_order_release);
      if (trial.made_up && is_invalid_argument(executed.answer)) {
        log_info("made_up_inputs_refused",
                 {{"reason", judge(trial, executed.answer).error().detail}});
        break;
      }
      SLUICE_TRY_ASSIGN(const bool finite, judge(trial, executed.answer));
      tried.answered = true;
      tried.finite = tried.finite && finite;
      tried.service = executed.service.value_or(tried.service);
    }
  }
  return tried;
}

}  // namespace sluice::worker
