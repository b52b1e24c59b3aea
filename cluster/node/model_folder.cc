#include "cluster/node/model_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "model.onnx";

bool is_url_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

Result<void> check_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), is_url_safe);
  if (plain && !name.empty() && name.front() != '.' && name.size() <= limits::kModelNameBytes) {
    return {};
  }
  return Error{ErrorCode::invalid_argument,
               "'" + name + "' cannot be a model's name: it stands in URLs, so 1 to " +
                   std::to_string(limits::kModelNameBytes) +
                   " letters, digits, '-', '_', '.', '~', not starting with '.'; choose one with "
                   "--name"};
}

std::optional<std::int64_t> parse_version(std::string_view text) {
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1 ||
      text.front() == '0') {
    return std::nullopt;
  }
  return version;
}

// The folder's entries by name, so that the result does not depend on the file system.
Result<std::vector<fs::path>> sorted_entries(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    entries.push_back(at->path());
  }
  if (failed) {
    return Error{ErrorCode::not_found, folder.string() + ": " + failed.message()};
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

Result<std::optional<ModelFile>> newest_version(const fs::path& folder) {
  const std::string name = folder.filename().string();
  SLUICE_TRY_ASSIGN(const std::vector<fs::path> entries, sorted_entries(folder));
  std::optional<ModelFile> newest;
  for (const fs::path& entry : entries) {
    const auto version = parse_version(entry.filename().string());
    if (version && is_file(entry / kFile) && (!newest || *version > newest->version)) {
      newest = ModelFile{.name = name, .version = *version, .path = (entry / kFile).string()};
    }
  }
  if (!newest && is_file(folder / kFile)) {
    return Error{ErrorCode::invalid_argument,
                 (folder / kFile).string() + " is in no version folder: move it to " +
                     (folder / "1" / kFile).string()};
  }
  if (newest) {
    SLUICE_TRY(check_name(name));
  }
  return newest;
}

}  // namespace

Result<ModelFile> model_of_file(const std::string& path, std::string_view name) {
  if (is_folder(path)) {
    return Error{ErrorCode::invalid_argument,
                 path + " is a folder, not a model file: serve it with --models"};
  }
  if (!is_file(path)) {
    return Error{ErrorCode::not_found, path + ": no such file"};
  }
  const fs::path absolute = fs::absolute(path);
  ModelFile model{.name = name.empty() ? absolute.stem().string() : std::string(name),
                  .version = 1,
                  .path = absolute.string()};
  SLUICE_TRY(check_name(model.name));
  return model;
}

Result<std::vector<ModelFile>> models_of_folder(const std::string& root) {
  SLUICE_TRY_ASSIGN(const std::vector<fs::path> entries, sorted_entries(fs::absolute(root)));
  std::vector<ModelFile> models;
  for (const fs::path& entry : entries) {
    if (!is_folder(entry) || entry.filename().string().front() == '.') {
      continue;
    }
    SLUICE_TRY_ASSIGN(std::optional<ModelFile> model, newest_version(entry));
    if (model) {
      models.push_back(*std::move(model));
    }
  }
  if (models.empty()) {
    return Error{ErrorCode::not_found,
                 root + " has no model: they are looked for as " + root +
                     "/MODEL/VERSION/model.onnx, VERSION a number from 1"};
  }
  if (models.size() > limits::kWorkersPerNode) {
    return Error{ErrorCode::resource_exhausted,
                 root + " has " + std::to_string(models.size()) + " models, at most " +
                     std::to_string(limits::kWorkersPerNode) + " can be served"};
  }
  return models;
}

std::string to_argument(const ModelFile& model) {
  return model.name + "/" + std::to_string(model.version) + "=" + model.path;
}

Result<ModelFile> model_of_argument(std::string_view argument) {
  const std::size_t slash = argument.find('/');
  const std::size_t equals = argument.find('=');
  if (slash == std::string_view::npos || equals == std::string_view::npos || equals < slash) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(argument) + "' is not of the form NAME/VERSION=FILE"};
  }
  const auto version = parse_version(argument.substr(slash + 1, equals - slash - 1));
  if (!version || equals + 1 == argument.size()) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(argument) +
                     "' is not of the form NAME/VERSION=FILE with a version from 1"};
  }
  ModelFile model{.name = std::string(argument.substr(0, slash)),
                  .version = *version,
                  .path = std::string(argument.substr(equals + 1))};
  SLUICE_TRY(check_name(model.name));
  return model;
}

}  // namespace sluice::cluster
