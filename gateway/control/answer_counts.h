// How many requests a version has ended well and badly, from the metrics of all shards. A deadline
// that passed while a worker of the version had the request counts as badly: a version that hangs
// answers nothing else.

#pragma once

#include <cstdint>
#include <string>

#include "common/metrics/registry.h"
#include "gateway/control/guards.h"

namespace sluice::gateway {

AnswerCounts answer_counts(const metrics::Registry& registry,
                           const std::string& model,
                           std::int64_t version);

}  // namespace sluice::gateway
