// Trials: requests that a worker asks its own model before anybody else may. Warm-ups come first,
// so that no client pays for what an engine makes at first use; then probes, whose answers are
// looked at. They take the way of every request: encoded as a gateway does, decoded, checked, run,
// encoded.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/control_messages.h"
#include "common/link/infer.h"
#include "common/link/message.h"
#include "worker/serve/served_model.h"
#include "worker/serve/serving_plan.h"

namespace sluice::worker {

struct Trial {
  std::string name;  // for reasons: "warm-up sample 'zeros'", "known answer 'test_data_set_0'"
  link::Body body;   // of an infer message
  std::uint32_t count = 1;
  bool as_declared = false;  // in the model's own shapes, whatever the configuration says
  bool made_up = false;      // that the model does not take it says nothing against the model
  std::vector<NamedTensor> expected;  // by name; empty: only the answer's numbers are looked at
};

struct Trials {
  ServedModel served;
  ServedModel declared;  // for those that are as_declared
  std::vector<Trial> warm_ups;
  std::vector<Trial> probes;
  link::ProbeKind probe_kind = link::ProbeKind::none;
};

// The configured samples, else made-up inputs; the recorded sets of the plan's probe folder, or
// beside the model file, or in the model's folder, at most limits::kKnownAnswers, else made-up
// inputs. Reads files.
Result<Trials> make_trials(const ServingPlan& plan, ServedModel served);

// What an answer says: that all its numbers are finite, or why the version cannot be served. A
// known answer is compared as `sluice check` does by default (worker/model/compare.h).
Result<bool> judge(const Trial& trial, const link::Message& answer);

}  // namespace sluice::worker
