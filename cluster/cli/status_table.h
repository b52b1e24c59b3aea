// What `sluice status` prints for a person: the gateway's status JSON as aligned tables. Pure.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace sluice::cluster {

// `json` as GET /sluice/status answers: objects under "gateway", "models", "deployments" (whose
// pins, labels and rollouts are told in words) and "workers"; a field that is missing prints as
// "-". data_corrupt when it is not such JSON.
Result<std::string> status_table(std::string_view json);

}  // namespace sluice::cluster
