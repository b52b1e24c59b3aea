// What follows from what was found on disk. Pure.

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "common/base/limits.h"
#include "worker/model/repository/config_parser.h"
#include "worker/model/repository/digest.h"
#include "worker/model/repository/scan.h"

namespace sluice::repository {

namespace {

std::string numbers(const std::vector<std::int64_t>& all) {
  std::string text;
  for (const std::int64_t number : all) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return text;
}

constexpr std::size_t kShownFolders = 3;

// "; there are only the folders 'latest', 'old'": what whoever made them may have meant.
std::string instead(const std::vector<std::string>& folders) {
  std::string text;
  for (std::size_t i = 0; i < std::min(folders.size(), kShownFolders); ++i) {
    text += (i == 0 ? " '" : ", '") + folders[i] + "'";
  }
  if (folders.size() > kShownFolders) {
    text += " and " + std::to_string(folders.size() - kShownFolders) + " more";
  }
  return text.empty() ? ""
                      : (folders.size() == 1 ? "; there is only the folder"
                                             : "; there are only the folders") +
                            text;
}

// Callers read it too, who are told no path of this machine: it begins with the model's folder.
Error no_version(const ModelOnDisk& model) {
  const std::string folder = model.folder.substr(model.folder.rfind('/') + 1);
  const std::string& file = model.config.config.default_model_filename;
  if (!model.misplaced.empty()) {
    return {ErrorCode::invalid_argument,
            folder + "/" + file + " is in no version folder: move it to " + folder + "/1/"};
  }
  for (const VersionOnDisk& version : model.versions) {
    if (version.error) {
      return with_context(*version.error, "no version can be served");
    }
  }
  return {ErrorCode::not_found,
          "no version in " + folder + ": they are looked for as " + folder + "/VERSION/" + file +
              ", VERSION a number from 1" + instead(model.no_versions)};
}

std::optional<Error> why_not(const ModelOnDisk& model) {
  if (model.config_error) {
    return model.config_error;
  }
  const std::vector<std::int64_t> available = model.available();
  if (available.empty()) {
    return no_version(model);
  }
  const VersionPolicy policy = model.config.config.policy();
  const std::vector<std::int64_t> chosen = select_versions(policy, available);
  if (chosen.empty()) {
    return Error{ErrorCode::not_found,
                 "version policy '" + describe(policy) + "' chooses none of the versions that " +
                     "are there: " + numbers(available)};
  }
  if (chosen.size() > limits::kVersionsPerModel) {
    return Error{ErrorCode::resource_exhausted,
                 "version policy '" + describe(policy) + "' chooses " +
                     std::to_string(chosen.size()) + " versions, at most " +
                     std::to_string(limits::kVersionsPerModel) + " can be served"};
  }
  if (auto labels = check_labels(model.config.config.labels, available); !labels) {
    return std::move(labels).error();
  }
  return std::nullopt;
}

// What of the configuration acts in a worker.
ModelConfig worker_part(ModelConfig config) {
  config.version_policy.reset();
  config.parameters.clear();
  config.metric_tags.clear();
  config.response_cache.reset();
  config.transaction_policy = false;
  if (config.dynamic_batching) {
    config.dynamic_batching =
        DynamicBatching{.preferred_batch_sizes = config.dynamic_batching->preferred_batch_sizes,
                        .max_queue_delay = config.dynamic_batching->max_queue_delay,
                        .preserve_ordering = config.dynamic_batching->preserve_ordering};
  }
  return config;
}

std::string digits_of(const Digest& digest) {
  std::array<char, 16> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), digest.value(), 16).ptr;
  const auto count = static_cast<std::size_t>(end - digits.data());
  return std::string(16 - count, '0') + std::string(digits.data(), count);
}

}  // namespace

const VersionOnDisk* ModelOnDisk::version(std::int64_t number) const {
  const auto found = std::ranges::find(versions, number, &VersionOnDisk::number);
  return found == versions.end() ? nullptr : &*found;
}

std::vector<std::int64_t> ModelOnDisk::available() const {
  std::vector<std::int64_t> all;
  for (const VersionOnDisk& version : versions) {
    if (!version.error) {
      all.push_back(version.number);
    }
  }
  return all;
}

std::vector<std::int64_t> ModelOnDisk::selected() const {
  return select_versions(config.config.policy(), available());
}

const ModelOnDisk* Scan::model(std::string_view name) const {
  const auto found = std::ranges::find(models, name, &ModelOnDisk::name);
  return found == models.end() ? nullptr : &*found;
}

void judge(ModelOnDisk& model) {
  model.error = why_not(model);
  if (model.error && !model.error->detail.starts_with("model ")) {
    model.error = with_context(*std::move(model.error), "model '" + model.name + "'");
  }
}

std::string worker_stamp(const ModelOnDisk& model, const VersionOnDisk& version) {
  Digest digest;
  digest.add(version.stamp);
  digest.add(model.warm_up_stamp);
  if (model.label_files_stamp != 0) {
    digest.add(model.label_files_stamp);
  }
  digest.add(to_json(worker_part(model.config.config)));
  return digits_of(digest);
}

std::string worker_part_stamp(const ModelConfig& config) {
  Digest digest;
  digest.add(to_json(worker_part(config)));
  return digits_of(digest);
}

}  // namespace sluice::repository
