// ONNX test-case folders: `model.onnx` with `test_data_set_K/{input,output}_I.pb`. Runs them in an
// engine and compares.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/engine.h"
#include "worker/model/compare.h"

namespace sluice::model {

enum class CheckStatus : std::uint8_t { pass, fail, unsupported, error };
inline constexpr CheckStatus kCheckStatuses[] = {
    CheckStatus::pass, CheckStatus::fail, CheckStatus::unsupported, CheckStatus::error};
std::string_view name_of(CheckStatus status);

struct SetResult {
  std::string test_case;  // name of the folder
  std::string set;        // "test_data_set_0"; "" when the case has none
  CheckStatus status = CheckStatus::error;
  std::string detail{};  // why, where it did not pass
};

// One result for each set, in the order of their numbers; at least one. A model that cannot be
// loaded gives each of its sets its error: `unsupported` where the engine said so.
std::vector<SetResult> run_test_case(engine::Engine& engine,
                                     const std::string& folder,
                                     const engine::LoadOptions& options,
                                     const Tolerance& tolerance);

// The case folders that `folder` stands for: itself when it has a model.onnx, otherwise its
// subfolders that do, sorted; itself when there are none, so that its run says what is missing.
std::vector<std::string> case_folders(const std::string& folder);

struct NamedCase {
  std::string folder;
  std::string name;  // the folder's own; where another has that too, its path as it was given
};
// The cases of all of these folders, in their order.
std::vector<NamedCase> named_cases(const std::vector<std::string>& folders);

}  // namespace sluice::model
