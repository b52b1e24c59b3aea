// What `sluice infer` prints of an answer. Pure.

#pragma once

#include <string>

#include "common/link/infer.h"

namespace sluice::cluster {

// A line for each output: name, datatype, shape, the first elements, and for numbers along a last
// axis of at least two the place of the largest ("arg-max 5 (0.998)"), for up to eight rows.
std::string print_text(const InferResponse& response);

// One JSON object in the form of a v2 answer, all elements written out.
std::string print_json(const InferResponse& response);

}  // namespace sluice::cluster
