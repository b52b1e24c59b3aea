#include "cluster/node/model_argument.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace sluice::cluster {

namespace {

namespace fs = std::filesystem;

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

}  // namespace

Result<repository::SingleFile> model_of_file(const std::string& path, std::string_view name) {
  if (is_folder(path)) {
    return Error{ErrorCode::invalid_argument,
                 path + " is a folder, not a model file: serve it with --models"};
  }
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) {
    return Error{ErrorCode::not_found, path + ": no such file"};
  }
  const fs::path absolute = fs::absolute(path);
  repository::SingleFile model{.path = absolute.string(),
                               .name = name.empty() ? absolute.stem().string() : std::string(name)};
  if (const auto named = repository::check_model_name(model.name); !named) {
    return Error{ErrorCode::invalid_argument, named.error().detail + "; choose one with --name"};
  }
  return model;
}

std::string to_argument(const repository::SingleFile& model) {
  return model.name + "/" + std::to_string(model.version) + "=" + model.path;
}

Result<repository::SingleFile> model_of_argument(std::string_view argument) {
  const std::size_t slash = argument.find('/');
  const std::size_t equals = argument.find('=');
  if (slash == std::string_view::npos || equals == std::string_view::npos || equals < slash) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(argument) + "' is not of the form NAME/VERSION=FILE"};
  }
  const auto version = repository::parse_version(argument.substr(slash + 1, equals - slash - 1));
  if (!version || equals + 1 == argument.size()) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(argument) +
                     "' is not of the form NAME/VERSION=FILE with a version from 1"};
  }
  repository::SingleFile model{.path = std::string(argument.substr(equals + 1)),
                               .name = std::string(argument.substr(0, slash)),
                               .version = *version};
  SLUICE_TRY(repository::check_model_name(model.name));
  return model;
}

Result<std::string> folder_of_models(const std::string& path) {
  if (!is_folder(path)) {
    std::error_code ignored;
    return fs::exists(path, ignored)
               ? Error{ErrorCode::invalid_argument, path + " is no folder: serve a file by itself"}
               : Error{ErrorCode::not_found, path + ": no such folder"};
  }
  return fs::absolute(path).lexically_normal().string();
}

}  // namespace sluice::cluster
