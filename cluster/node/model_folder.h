// Which models there are on disk: one file, or a repository in the Triton layout
// `<root>/<model>/<version>/model.onnx`.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace sluice::cluster {

struct ModelFile {
  std::string name;
  std::int64_t version = 1;
  std::string path;

  friend bool operator==(const ModelFile&, const ModelFile&) = default;
};

// A bare file, version 1, named `name` or, when that is empty, as the file without its extension.
// not_found when there is no such file, invalid_argument for a name that cannot stand in a URL.
Result<ModelFile> model_of_file(const std::string& path, std::string_view name);

// The newest numeric version of each model under `root`, by name. Versions are folders named by a
// number from 1 without leading zeros; other folders, and versions without `model.onnx`, are passed
// over. not_found when there is no such folder or no model in it; invalid_argument for a
// `model.onnx` right in a model's folder, which is nearly always a forgotten version.
Result<std::vector<ModelFile>> models_of_folder(const std::string& root);

// "NAME/VERSION=PATH", as the head of the process tree hands models to its node, and back
// (invalid_argument).
std::string to_argument(const ModelFile& model);
Result<ModelFile> model_of_argument(std::string_view argument);

}  // namespace sluice::cluster
