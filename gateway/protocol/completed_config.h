// A model's configuration as clients are shown it. Policy, labels and whatever else acts in the
// gateway are known to control; what was left to the model is known to who has loaded it.

#pragma once

#include <string>
#include <string_view>

namespace sluice::gateway {

// `config`: control's, a JSON object; `of_worker`: the same, completed from the model. The first,
// with platform, backend, max_batch_size, input, output and instance_group of the second. One that
// is empty or no JSON object leaves the other as it is; empty: neither is one.
std::string completed_config(std::string_view config, std::string_view of_worker);

}  // namespace sluice::gateway
