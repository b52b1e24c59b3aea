// May requests share a run? A model's rows are independent when every input and output has the
// batch in front and row i of the outputs follows from row i of the inputs alone: then rows of
// different requests, stacked and run once, come out as they would have alone.
//
// Found by following the axis of the batch through the steps, operator by operator. An operator
// that is not listed in rows.cc, or is used in a way that is not known to keep rows apart, ends it:
// what is not proven is not joined.

#pragma once

#include "worker/engine/plan/plan.h"

namespace sluice::engine {

// `plan`: sorted and folded, before anything is fused.
bool rows_are_independent(const Plan& plan);

}  // namespace sluice::engine
