// A configuration that an operator loads in place of the one on disk. What its text means is known
// to the model repository's side alone, which the gateway does not include: it is handed a reader.

#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/repository_messages.h"

namespace sluice::gateway {

struct LoadedConfig {
  std::string json{};  // as the operator sent it; empty: none, the one on disk holds
  link::ModelSettings settings{};
  std::vector<std::string> notes{};  // what is set and has no effect

  friend bool operator==(const LoadedConfig&, const LoadedConfig&) = default;
};

// A pure function of the text and the model's name. The error says what is wrong and where.
using ReadConfig = Result<LoadedConfig> (*)(const std::string& json, const std::string& model);

}  // namespace sluice::gateway
