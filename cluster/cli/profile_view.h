// A profile of the engine's steps as text, as JSON, and as a trace for a browser. Pure.

#pragma once

#include <string>

#include "worker/engine/engine.h"
#include "worker/model/step_profile.h"

namespace sluice::cluster {

// A table of the operators and one of the steps that take longest. `peak`: of one core.
std::string profile_text(const model::StepProfile& profile, const engine::MachinePeak& peak);
std::string profile_json(const model::StepProfile& profile, const engine::MachinePeak& peak);

// The last run in the Trace Event Format, which Chrome and Perfetto show: complete events, "X", in
// microseconds.
std::string trace_json(const model::StepProfile& profile);

}  // namespace sluice::cluster
