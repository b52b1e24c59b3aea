// A command that asks a served model and works as it stands: what `sluice serve` prints once it is
// ready. Pure.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace sluice::cluster {

// `metadata` is what GET /v2/models/MODEL answered; the request made from it holds zeros (empty
// texts for strings), with 1 wherever the caller chooses an extent. Small tensors are written out,
// large ones are made by the shell. data_corrupt when `metadata` is not what the server answers.
Result<std::string> curl_line(const std::string& url,
                              const std::string& model,
                              std::string_view metadata);

}  // namespace sluice::cluster
