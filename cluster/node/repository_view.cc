#include "cluster/node/repository_view.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "cluster/node/model_settings.h"
#include "common/base/limits.h"
#include "worker/model/repository/config_parser.h"
#include "worker/model/repository/digest.h"
#include "worker/model/repository/label_files.h"

namespace sluice::cluster {

namespace {

namespace fs = std::filesystem;

using repository::ModelConfig;
using repository::ModelOnDisk;
using repository::SettledModel;
using repository::VersionOnDisk;

// Of very many versions: those that are chosen, and the newest of the others.
std::vector<const VersionOnDisk*> worth_telling(const ModelOnDisk& model) {
  const std::vector<std::int64_t> chosen = model.selected();
  std::set<std::int64_t> told(chosen.begin(), chosen.end());
  const std::vector<std::int64_t> available = model.available();
  for (auto at = available.rbegin();
       at != available.rend() && told.size() < limits::kVersionsPerModel;
       ++at) {
    told.insert(*at);
  }
  std::vector<const VersionOnDisk*> versions;
  for (const VersionOnDisk& version : model.versions) {
    if (told.contains(version.number)) {
      versions.push_back(&version);
    }
  }
  return versions;
}

link::ModelFound found(const SettledModel& settled) {
  const ModelOnDisk& model = settled.model;
  link::ModelFound told;
  told.name = model.name;
  if (model.error) {
    told.problem = model.error->detail;
    return told;
  }
  told.settings = settings_of(model.config.config);
  if (settled.refused) {
    told.notes.push_back("not taken up: " + settled.refused->detail);
  }
  told.notes.insert(told.notes.end(), model.config.notes.begin(), model.config.notes.end());
  told.notes.insert(told.notes.end(), model.notes.begin(), model.notes.end());
  for (const VersionOnDisk& version : model.versions) {
    if (version.error) {
      told.notes.push_back("version " + std::to_string(version.number) + ": " +
                           version.error->detail);
    }
  }
  const auto versions = worth_telling(model);
  if (versions.size() < model.available().size()) {
    told.notes.push_back("of " + std::to_string(model.available().size()) + " versions the " +
                         std::to_string(versions.size()) + " newest are seen");
  }
  for (const VersionOnDisk* version : versions) {
    told.versions.push_back({.number = version->number,
                             .stamp = repository::worker_stamp(model, *version),
                             .bytes = version->bytes});
  }
  return told;
}

std::vector<worker::ConfiguredTensor> tensors_of(
    const std::vector<repository::TensorConfig>& tensors) {
  std::vector<worker::ConfiguredTensor> plan;
  for (const repository::TensorConfig& tensor : tensors) {
    plan.push_back({.name = tensor.name,
                    .datatype = tensor.datatype,
                    .dims = tensor.dims,
                    .optional = tensor.optional});
  }
  return plan;
}

worker::WarmUpInput warm_up_input(const std::string& name,
                                  const repository::WarmUpInput& input,
                                  const std::string& model_folder) {
  using Kind = worker::WarmUpInput::Kind;
  worker::WarmUpInput plan{.name = name, .datatype = input.datatype, .dims = input.dims};
  switch (input.source) {
    case repository::WarmUpInput::Source::zero:
      plan.kind = Kind::zero;
      break;
    case repository::WarmUpInput::Source::random:
      plan.kind = Kind::random;
      break;
    case repository::WarmUpInput::Source::file:
      plan.kind = Kind::file;
      plan.path = model_folder + "/warmup/" + input.file;
      break;
  }
  return plan;
}

std::vector<worker::WarmUpSample> warm_ups_of(const ModelOnDisk& model, const ModelConfig& config) {
  std::vector<worker::WarmUpSample> plan;
  for (const repository::WarmUp& sample : config.warm_ups) {
    worker::WarmUpSample made{.name = sample.name,
                              .batch_size = config.max_batch_size > 0 ? sample.batch_size : 0,
                              .count = sample.count};
    for (const auto& [name, input] : sample.inputs) {
      made.inputs.push_back(warm_up_input(name, input, model.folder));
    }
    plan.push_back(std::move(made));
  }
  return plan;
}

bool holds_test_data(const std::string& folder) {
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().filename().string().starts_with("test_data_set_")) {
      return true;
    }
  }
  return false;
}

// Of the version first, then of the model. A file that is served by itself has one only in the
// layout of ONNX's own test cases: what else lies around it may be of another model.
std::string probe_dir_of(const ModelOnDisk& model, const VersionOnDisk& version) {
  if (version.folder == model.folder && fs::path(version.file).filename() != "model.onnx") {
    return {};
  }
  for (const std::string& folder : {version.folder, model.folder}) {
    if (holds_test_data(folder)) {
      return folder;
    }
  }
  return {};
}

Result<repository::ParsedConfig> config_of(const ModelOnDisk& model, const WorkerSpec& spec) {
  if (spec.config.empty()) {
    return model.config;
  }
  return repository::parse_model_config_json(spec.config, model.name);
}

Result<const VersionOnDisk*> version_of(const SettledModel* settled, const WorkerSpec& spec) {
  if (settled == nullptr) {
    return Error{ErrorCode::not_found, "model '" + spec.model + "' is not in the repository"};
  }
  const ModelOnDisk& model = settled->model;
  if (model.error) {
    return *model.error;
  }
  const std::string what = "version " + std::to_string(spec.version) + " of model '" + spec.model;
  const VersionOnDisk* version = model.version(spec.version);
  if (version == nullptr) {
    return Error{ErrorCode::not_found, what + "' is not in the repository"};
  }
  if (version->error) {
    return *version->error;
  }
  if (!spec.stamp.empty() && spec.stamp != repository::worker_stamp(model, *version)) {
    return Error{ErrorCode::not_found, what + "' has changed on disk since it was to be served"};
  }
  return version;
}

Result<std::vector<OutputLabels>> labels_of(const ModelConfig& config,
                                            const VersionOnDisk& version,
                                            const ModelOnDisk& model) {
  auto labels = repository::read_labels(config, version.folder, model.folder);
  return labels ? std::move(labels) : with_context(std::move(labels).error(), "the configuration");
}

void put_batching(worker::ServingPlan& plan, const ModelConfig& config) {
  plan.max_batch_size = config.max_batch_size;
  if (const auto& batching = config.dynamic_batching) {
    plan.preferred_batch_sizes.assign(batching->preferred_batch_sizes.begin(),
                                      batching->preferred_batch_sizes.end());
    plan.max_queue_delay = batching->max_queue_delay;
    plan.preserve_ordering = batching->preserve_ordering;
  }
}

}  // namespace

link::Repository describe(const repository::SettledView& view) {
  link::Repository told;
  told.problem = view.error ? view.error->detail : "";
  for (const SettledModel& model : view.models) {
    told.models.push_back(found(model));
  }
  link::fit(told);
  return told;
}

Result<worker::ServingPlan> plan_of(const repository::SettledView& view, const WorkerSpec& spec) {
  const SettledModel* settled = view.model(spec.model);
  SLUICE_TRY_ASSIGN(const VersionOnDisk* version, version_of(settled, spec));
  const ModelOnDisk& model = settled->model;
  SLUICE_TRY_ASSIGN(const repository::ParsedConfig parsed, config_of(model, spec));
  const ModelConfig& config = parsed.config;

  worker::ServingPlan plan;
  plan.model_name = model.name;
  plan.version = version->number;
  plan.stamp = repository::worker_stamp(model, *version);
  plan.model_dir = model.folder;
  plan.model_path = config.default_model_filename == model.config.config.default_model_filename
                        ? version->file
                        : version->folder + "/" + config.default_model_filename;
  put_batching(plan, config);
  plan.instance_count = static_cast<std::uint32_t>(std::max(config.instances.value_or(0), 0));
  plan.warm_ups = warm_ups_of(model, config);
  plan.probe_dir = probe_dir_of(model, *version);
  plan.inputs = tensors_of(config.inputs);
  plan.outputs = tensors_of(config.outputs);
  plan.notes = parsed.notes;
  plan.notes.resize(std::min(plan.notes.size(), limits::kConfigNotes));
  for (std::string& note : plan.notes) {
    note.resize(std::min(note.size(), limits::kConfigNoteBytes));
  }
  plan.config_json = repository::to_json(config);
  SLUICE_TRY_ASSIGN(plan.labels, labels_of(config, *version, model));
  return plan;
}

std::uint64_t files_stamp(const repository::SettledView& view, const WorkerSpec& spec) {
  const SettledModel* settled = view.model(spec.model);
  const VersionOnDisk* version =
      settled != nullptr ? settled->model.version(spec.version) : nullptr;
  if (version == nullptr || version->error) {
    return 0;
  }
  repository::Digest digest;
  digest.add(version->stamp);
  digest.add(settled->model.warm_up_stamp);
  return digest.value();
}

std::uint64_t bytes_of(const repository::SettledView& view, const WorkerSpec& spec) {
  const auto version = version_of(view.model(spec.model), spec);
  return version ? (*version)->bytes : 0;
}

}  // namespace sluice::cluster
