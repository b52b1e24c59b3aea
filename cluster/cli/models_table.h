// What `sluice models` prints for a person, and the words for a model that `sluice status` prints
// as well. Pure; the JSON is that of docs/protocols/admin.md.

#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"

namespace sluice::cluster {

// `json` as GET /sluice/models answers: one row a version, then what is to be said of each model.
// data_corrupt when it is not such JSON.
Result<std::string> models_table(std::string_view json);

// Lines on one model: its pin, labels, rollout, problem and notes, as far as there are any.
std::string deployment_notes(const nlohmann::json& model);

}  // namespace sluice::cluster
