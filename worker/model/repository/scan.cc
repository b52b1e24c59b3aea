#include "worker/model/repository/scan.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "common/base/limits.h"
#include "worker/model/repository/config_parser.h"
#include "worker/model/repository/folder_stamp.h"
#include "worker/model/repository/label_files.h"

namespace sluice::repository {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigFile = "config.pbtxt";
constexpr std::string_view kInner = "model.onnx";  // in a folder that stands for the model file
// Folders of a model that are no versions by design.
constexpr std::string_view kOthers[] = {"warmup", "initial_state", "configs"};
constexpr std::string_view kTestCase = "test_data_set_";  // known answers

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string absolute(const std::string& path) {
  std::error_code ignored;
  std::string whole = fs::absolute(path, ignored).lexically_normal().string();
  while (whole.size() > 1 && whole.back() == '/') {
    whole.pop_back();
  }
  return whole;
}

std::string base_name(const std::string& path) {
  return fs::path(path).filename().string();
}

// The disk would not tell: not the same as nothing being there.
bool is_of_the_disk(const Error& error) {
  return error.code == ErrorCode::unavailable;
}

// The file to load in a version folder: FILE, or model.onnx in a folder FILE.
std::optional<std::string> model_file_in(const std::string& folder, const std::string& file) {
  const std::string path = folder + "/" + file;
  if (is_file(path)) {
    return path;
  }
  const std::string inner = path + "/" + std::string(kInner);
  return is_file(inner) ? std::optional(inner) : std::nullopt;
}

VersionOnDisk look_at_version(const std::string& folder,
                              std::int64_t number,
                              const std::string& file,
                              std::vector<std::string>& folders) {
  VersionOnDisk version{.number = number, .folder = folder};
  auto facts = folder_facts(folder);
  if (!facts) {
    version.unreadable = is_of_the_disk(facts.error());
    version.error = std::move(facts).error();
    version.stamp = 1;  // it is there
    folders.push_back(folder);
    return version;
  }
  version.bytes = facts->bytes;
  version.stamp = facts->stamp;
  version.quiet = facts->quiet;
  folders.insert(folders.end(), facts->folders.begin(), facts->folders.end());
  if (auto found = model_file_in(folder, file)) {
    version.file = *std::move(found);
  } else {
    version.error = Error{ErrorCode::not_found, folder + " has no " + file};
  }
  return version;
}

// Not a version, but a folder that has its purpose.
bool holds_label_files(const ModelConfig& config, const std::string& name) {
  return std::ranges::any_of(config.outputs, [&](const TensorConfig& output) {
    return output.label_filename.starts_with(name + "/");
  });
}

using NumberOf = std::optional<std::int64_t> (*)(std::string_view);

// Reads the versions of model.folder; its configuration has been read.
void look_at_versions(ModelOnDisk& model, NumberOf number_of, std::vector<std::string>& folders) {
  folders.push_back(model.folder);
  auto names = names_in(model.folder, limits::kFolderEntries);
  if (!names) {
    model.unreadable = model.unreadable || is_of_the_disk(names.error());
    model.config_error = std::move(names).error();
    return;
  }
  const std::string& file = model.config.config.default_model_filename;
  for (const std::string& name : *names) {
    const std::string path = model.folder + "/" + name;
    if (!is_folder(path)) {
      model.misplaced = name == file ? path : model.misplaced;
      continue;
    }
    const auto number = number_of(name);
    if (name.starts_with('.') || name.starts_with(kTestCase) ||
        std::ranges::find(kOthers, name) != std::end(kOthers)) {
      continue;
    }
    if (!number) {
      if (!holds_label_files(model.config.config, name) &&
          model.notes.size() < limits::kConfigNotes) {
        model.notes.push_back("folder '" + name + "' is no version: a version is a number from 1");
        model.no_versions.push_back(name);
      }
      continue;
    }
    if (const VersionOnDisk* twin = model.version(*number)) {
      model.config_error = Error{ErrorCode::invalid_argument,
                                 "version " + std::to_string(*number) + " is there twice: " +
                                     base_name(twin->folder) + " and " + name};
      continue;
    }
    if (model.versions.size() == limits::kVersionsOnDisk) {
      model.config_error =
          Error{ErrorCode::resource_exhausted,
                "more than " + std::to_string(limits::kVersionsOnDisk) + " version folders"};
      break;
    }
    model.versions.push_back(look_at_version(path, *number, file, folders));
  }
  std::ranges::sort(model.versions, {}, &VersionOnDisk::number);
}

// configs/NAME.pbtxt where it is asked for and there, else config.pbtxt.
std::string config_path(const std::string& folder, const std::string& config_name) {
  const std::string chosen = folder + "/configs/" + config_name + ".pbtxt";
  return !config_name.empty() && is_file(chosen) ? chosen : folder + "/" + std::string(kConfigFile);
}

void read_config(ModelOnDisk& model,
                 const std::string& config_name,
                 std::vector<std::string>& folders) {
  model.config.config.name = model.name;
  if (auto named = check_model_name(model.name); !named) {
    model.config_error = std::move(named).error();
  }
  const std::string path = config_path(model.folder, config_name);
  const auto file = read_stamped(path, limits::kModelConfigBytes);
  if (file) {
    model.config_stamp = file->stamp;
    model.config_quiet = file->quiet;
    auto parsed = parse_model_config(file->content, model.name);
    if (parsed) {
      model.config = *std::move(parsed);
    } else if (!model.config_error) {
      model.config_error = std::move(parsed).error();
    }
  } else if (file.error().code != ErrorCode::not_found) {
    model.config_stamp = 1;  // it is there
    model.unreadable = is_of_the_disk(file.error());
    model.config_error = file.error();
  }
  if (!config_name.empty() && is_folder(model.folder + "/configs")) {
    folders.push_back(model.folder + "/configs");
  }
  if (!model.config.config.warm_ups.empty()) {
    if (const auto facts = folder_facts(model.folder + "/warmup")) {
      model.warm_up_stamp = facts->stamp;
      model.config_quiet = std::min(facts->quiet, model.config_quiet);
      folders.insert(folders.end(), facts->folders.begin(), facts->folders.end());
    }
  }
  const LabelFacts labels = label_facts(model.config.config, model.folder);
  model.label_files_stamp = labels.stamp;
  model.config_quiet = std::min(labels.quiet, model.config_quiet);
  folders.insert(folders.end(), labels.folders.begin(), labels.folders.end());
}

ModelOnDisk look_at_model(const std::string& folder,
                          const std::string& config_name,
                          std::vector<std::string>& folders) {
  ModelOnDisk model{.name = base_name(folder), .folder = folder};
  read_config(model, config_name, folders);
  look_at_versions(model, &parse_version, folders);
  return model;
}

// A list and a config.pbtxt may say the same thing of a model, not different ones.
void merge_listed(ModelOnDisk& model, const ListedModel& listed) {
  ModelConfig& config = model.config.config;
  const auto disagree = [&model](const char* what) {
    if (!model.config_error) {
      model.config_error =
          Error{ErrorCode::invalid_argument,
                std::string("its ") + what + " in the model list and in config.pbtxt differ"};
    }
  };
  if (listed.version_policy) {
    if (config.version_policy && config.version_policy != listed.version_policy) {
      disagree("version policies");
    }
    config.version_policy = listed.version_policy;
  }
  if (!listed.labels.empty()) {
    if (!config.labels.empty() && config.labels != listed.labels) {
      disagree("labels");
    }
    config.labels = listed.labels;
  }
}

ModelOnDisk look_at_listed(const ListedModel& listed,
                           const std::string& config_name,
                           std::vector<std::string>& folders) {
  ModelOnDisk model{.name = listed.name, .folder = absolute(listed.base_path)};
  read_config(model, config_name, folders);
  merge_listed(model, listed);
  look_at_versions(model, &parse_padded_version, folders);
  // It is still wanted: an absent folder is one that cannot be read, not one without versions.
  model.unreadable = model.unreadable || !is_folder(model.folder);
  return model;
}

ModelOnDisk look_at_file(const SingleFile& single) {
  const std::string path = absolute(single.path);
  ModelOnDisk model{.name = single.name.empty() ? fs::path(path).stem().string() : single.name,
                    .folder = fs::path(path).parent_path().string()};
  model.config.config.name = model.name;
  if (auto named = check_model_name(model.name); !named) {
    model.config_error = std::move(named).error();
  }
  model.config.config.version_policy = VersionPolicy{.kind = VersionPolicy::Kind::all};
  VersionOnDisk version{.number = single.version, .folder = model.folder, .file = path};
  auto facts = file_facts(path);
  if (facts) {
    version.bytes = facts->bytes;
    version.stamp = facts->stamp;
    version.quiet = facts->quiet;
  } else {
    model.unreadable = true;  // it is still wanted
    model.config_error = std::move(facts).error();
    return model;
  }
  model.versions.push_back(std::move(version));
  return model;
}

std::vector<ModelOnDisk> look_at_files(const std::vector<SingleFile>& files,
                                       std::vector<std::string>& folders) {
  std::vector<ModelOnDisk> models;
  for (const SingleFile& file : files) {
    ModelOnDisk model = look_at_file(file);
    folders.push_back(model.folder);
    const auto same = std::ranges::find(models, model.name, &ModelOnDisk::name);
    if (same == models.end()) {
      models.push_back(std::move(model));
      continue;
    }
    if (same->version(file.version) != nullptr || model.config_error) {
      same->config_error = model.config_error.value_or(Error{
          ErrorCode::invalid_argument,
          "version " + std::to_string(file.version) + " is named twice: " + absolute(file.path)});
      same->unreadable = same->unreadable || model.unreadable;
      continue;
    }
    std::ranges::move(model.versions, std::back_inserter(same->versions));
    std::ranges::sort(same->versions, {}, &VersionOnDisk::number);
  }
  return models;
}

Result<void> look_at_root(const std::string& root, const std::string& config_name, Scan& found) {
  const std::string folder = absolute(root);
  SLUICE_TRY_ASSIGN(const auto names, names_in(folder, limits::kFolderEntries));
  found.folders.push_back(folder);
  for (const std::string& name : names) {
    if (name.starts_with('.') || name == "lost+found" || !is_folder(folder + "/" + name)) {
      continue;
    }
    if (found.models.size() == limits::kModelsPerRepository) {
      return Error{
          ErrorCode::resource_exhausted,
          root + " has more than " + std::to_string(limits::kModelsPerRepository) + " models"};
    }
    found.models.push_back(look_at_model(folder + "/" + name, config_name, found.folders));
  }
  return {};
}

// A model in two places is served from neither.
void refuse_twins(std::vector<ModelOnDisk>& models) {
  std::ranges::stable_sort(models, {}, &ModelOnDisk::name);
  for (std::size_t i = 1; i < models.size(); ++i) {
    if (models[i].name == models[i - 1].name) {
      models[i - 1].config_error =
          Error{ErrorCode::invalid_argument,
                "it is in two places: " + models[i - 1].folder + " and " + models[i].folder};
      models.erase(models.begin() + static_cast<std::ptrdiff_t>(i));
      --i;
    }
  }
}

}  // namespace

Result<Scan> scan(const ScanOptions& options) {
  Scan found;
  for (const std::string& root : options.roots) {
    SLUICE_TRY(look_at_root(root, options.config_name, found));
  }
  std::ranges::move(look_at_files(options.files, found.folders), std::back_inserter(found.models));
  for (const ListedModel& listed : options.listed) {
    found.models.push_back(look_at_listed(listed, options.config_name, found.folders));
  }
  refuse_twins(found.models);
  std::ranges::for_each(found.models, &judge);
  std::ranges::sort(found.folders);
  found.folders.erase(std::unique(found.folders.begin(), found.folders.end()), found.folders.end());
  return found;
}

Result<Scan> scan_repository(const std::string& root) {
  return scan({.roots = {root}});
}

std::optional<std::int64_t> parse_padded_version(std::string_view name) {
  std::int64_t number = 0;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (name.empty() || !std::ranges::all_of(name, is_digit) || failed != std::errc() || number < 1) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::int64_t> parse_version(std::string_view name) {
  return name.starts_with('0') ? std::nullopt : parse_padded_version(name);
}

}  // namespace sluice::repository
