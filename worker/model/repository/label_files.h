// The files that outputs name by label_filename: what their classes are called, one a line. One in
// the model's folder stands for all of its versions that have none of that name in their own.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "worker/model/repository/model_config.h"

namespace sluice::repository {

struct LabelFacts {
  std::uint64_t stamp = 0;             // of all of them; 0: none is named
  Duration quiet = Duration::max();    // as of a folder, of those that are there
  std::vector<std::string> folders{};  // below the model's, in which they lie
};

// Of those in the model's folder: a version's count in its own stamp.
LabelFacts label_facts(const ModelConfig& config, const std::string& model_folder);

// "\n" or "\r\n" ends a line; a byte order mark in front is dropped.
// invalid_argument, naming output and file: one that is not there, cannot be read, or is not UTF-8;
// more than limits::kClassLabelBytes in one file or in all.
Result<std::vector<OutputLabels>> read_labels(const ModelConfig& config,
                                              const std::string& version_folder,
                                              const std::string& model_folder);

}  // namespace sluice::repository
