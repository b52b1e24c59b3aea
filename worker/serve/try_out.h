// A list of trials through one execution, on the caller's thread.

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/engine/engine.h"
#include "worker/serve/start_board.h"
#include "worker/serve/trial.h"

namespace sluice::worker {

enum class Stage : std::uint8_t { warm_up, probe };

struct TriedOut {
  Duration service{};     // of the last run
  bool finite = true;     // all numbers of all answers
  bool answered = false;  // false: the model did not take made-up inputs, and there were no others
};

// `runs_most`: of each trial.
Result<TriedOut> try_out(const Trials& trials,
                         Stage stage,
                         std::uint32_t runs_most,
                         engine::Execution& execution,
                         const Clock& clock,
                         StartBoard& board);

}  // namespace sluice::worker
