// A model that is one file, as command lines name it.

#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/model/repository/scan.h"

namespace sluice::cluster {

// Version 1, named `name` or, when that is empty, as the file without its extension; the path is
// absolute. not_found when there is no such file, invalid_argument for a name that cannot stand in
// a URL.
Result<repository::SingleFile> model_of_file(const std::string& path, std::string_view name);

// "NAME/VERSION=PATH", as the head of the process tree hands a file to its node, and back
// (invalid_argument).
std::string to_argument(const repository::SingleFile& model);
Result<repository::SingleFile> model_of_argument(std::string_view argument);

// A folder of models, absolute. not_found, invalid_argument for a file.
Result<std::string> folder_of_models(const std::string& path);

}  // namespace sluice::cluster
