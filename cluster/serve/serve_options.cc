#include "cluster/serve/serve_options.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cluster/node/model_argument.h"
#include "cluster/serve/run_dir.h"
#include "common/process/cpu_budget.h"
#include "common/process/spawn.h"
#include "worker/model/repository/server_config.h"

namespace sluice::cluster {

namespace {

constexpr int kCpusPerShard = 4;

Result<void> find_sources(const ServeSettings& settings, ServeOptions& options) {
  if (settings.file && (settings.models || settings.model_list)) {
    return Error{ErrorCode::invalid_argument,
                 "give a model file or " +
                     std::string(settings.models ? "--models" : "--model-list") + ", not both"};
  }
  if (settings.name && !settings.file) {
    return Error{ErrorCode::invalid_argument, "--name is for a model file, and there is none"};
  }
  if (settings.file) {
    SLUICE_TRY_ASSIGN(repository::SingleFile model,
                      model_of_file(*settings.file, settings.name.value_or("")));
    options.sources.files.push_back(std::move(model));
    options.single_file = true;
    options.source = *settings.file;
    return {};
  }
  if (settings.model_list) {
    options.model_list = std::filesystem::absolute(*settings.model_list).string();
    options.source = *settings.model_list;
    SLUICE_TRY_ASSIGN(options.sources.listed, repository::read_model_list(options.model_list));
    if (!settings.models) {
      return {};
    }
  }
  const std::string folder = settings.models ? *settings.models : example_folder();
  if (folder.empty()) {
    return Error{ErrorCode::not_found,
                 "the example models are not there: name a model file or --models"};
  }
  SLUICE_TRY_ASSIGN(std::string root, folder_of_models(folder));
  options.sources.roots.push_back(std::move(root));
  options.source = (settings.models ? "" : "the example models in ") + folder +
                   (options.source.empty() ? "" : " and " + options.source);
  return {};
}

std::string default_state_file(const ServeOptions& options) {
  std::vector<std::string> sources = options.sources.roots;
  if (!options.model_list.empty()) {
    sources.push_back(options.model_list);
  }
  for (const repository::SingleFile& file : options.sources.files) {
    sources.push_back(file.path + "?" + file.name);
  }
  return state_file_in(options.run_dir, sources);
}

// A folder that was not made to be a model: nothing in it says so.
bool is_no_model(const repository::ModelOnDisk& model) {
  return model.error && model.versions.empty() && model.config_stamp == 0 &&
         model.misplaced.empty();
}

// None of the models can be served: why.
Error nothing_to_serve(const repository::Scan& scan, const ServeOptions& options) {
  std::size_t count = 0;
  const repository::ModelOnDisk* first = nullptr;
  for (const repository::ModelOnDisk& model : scan.models) {
    if (!is_no_model(model) || options.single_file) {
      first = first == nullptr ? &model : first;
      ++count;
    }
  }
  if (first == nullptr) {
    return {ErrorCode::not_found,
            options.source + " has no model: they are looked for as " + options.source +
                "/MODEL/VERSION/model.onnx, VERSION a number from 1"};
  }
  return count == 1 ? *first->error
                    : with_context(*first->error,
                                   "none of the " + std::to_string(count) + " models in " +
                                       options.source + " can be served; the first");
}

Result<void> find_models(const repository::Scan& scan, ServeOptions& options) {
  const bool all = options.model_control != ModelControl::on_demand ||
                   std::ranges::find(options.load_models, "*") != options.load_models.end();
  bool any = false;
  for (const repository::ModelOnDisk& model : scan.models) {
    const bool wanted =
        all ? !is_no_model(model)
            : std::ranges::find(options.load_models, model.name) != options.load_models.end();
    any = any || !model.error;
    if (wanted) {
      options.expected.push_back(
          {.name = model.name,
           .versions = model.error ? std::vector<std::int64_t>() : model.selected(),
           .broken = model.error.has_value()});
    }
  }
  for (const std::string& name : options.load_models) {
    if (name != "*" && scan.model(name) == nullptr) {
      return Error{ErrorCode::not_found,
                   "--load-model: there is no model '" + name + "' in " + options.source};
    }
  }
  if (!any && (all || options.single_file)) {
    return nothing_to_serve(scan, options);
  }
  return {};
}

Result<void> choose_graphpipe_model(const ServeSettings& settings,
                                    const repository::Scan& scan,
                                    ServeOptions& options) {
  if (options.graphpipe.empty()) {
    return settings.model ? Result<void>(Error{ErrorCode::invalid_argument,
                                               "--model is for --graphpipe, which is not given"})
                          : Result<void>();
  }
  if (!settings.model && scan.models.size() != 1) {
    return Error{ErrorCode::invalid_argument,
                 "--graphpipe serves one model: choose it with --model"};
  }
  options.graphpipe_model = settings.model.value_or(scan.models.front().name);
  if (scan.model(options.graphpipe_model) == nullptr) {
    return Error{
        ErrorCode::not_found,
        "--model: there is no model '" + options.graphpipe_model + "' in " + options.source};
  }
  return {};
}

std::optional<int> to_int(const std::optional<std::int64_t>& number) {
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

}  // namespace

Result<ModelControl> checked_model_control(std::string_view name,
                                           const std::vector<std::string>& load_models) {
  const auto control = model_control_from(name);
  if (!control) {
    return Error{ErrorCode::invalid_argument,
                 "--model-control is watch, explicit or none, not '" + std::string(name) + "'"};
  }
  if (!load_models.empty() && *control != ModelControl::on_demand) {
    return Error{ErrorCode::invalid_argument, "--load-model is for --model-control explicit"};
  }
  return *control;
}

Result<ServeOptions> complete(const ServeSettings& settings) {
  ServeOptions options;
  SLUICE_TRY(find_sources(settings, options));
  options.load_models = settings.load_model.value_or(std::vector<std::string>());
  SLUICE_TRY_ASSIGN(options.model_control,
                    checked_model_control(
                        settings.model_control.value_or(std::string(name_of(ModelControl::watch))),
                        options.load_models));
  options.poll_interval = settings.poll_interval;
  SLUICE_TRY_ASSIGN(const repository::Scan scan, repository::scan(options.sources));
  SLUICE_TRY(find_models(scan, options));
  options.http = settings.http.value_or(options.http);
  options.metrics = settings.metrics.value_or(options.metrics);
  options.graphpipe = settings.graphpipe.value_or("");
  SLUICE_TRY(choose_graphpipe_model(settings, scan, options));
  options.link = settings.link.value_or("");
  options.run_dir = settings.run_dir.value_or(default_run_dir());
  options.state_file = settings.state.value_or(default_state_file(options));
  options.engine_library = settings.engine_library.value_or("");
  options.shards =
      to_int(settings.shards).value_or(std::max(1, cpu_budget(std::nullopt) / kCpusPerShard));
  options.threads = to_int(settings.threads);
  options.memory = settings.memory;
  options.body_limit = settings.body_limit;
  if (settings.drain_limit) {
    options.drain_limit = std::chrono::seconds(*settings.drain_limit);
  }
  if (settings.keep_awake) {
    options.keep_awake = std::chrono::microseconds(*settings.keep_awake);
  }
  options.strict_readiness = settings.strict_readiness.value_or(true);
  return options;
}

std::string example_folder() {
  namespace fs = std::filesystem;
  const fs::path installed =
      fs::path(own_executable()).parent_path().parent_path() / "share/sluice/example";
  for (const fs::path& folder : {installed, fs::path(SLUICE_EXAMPLE_DIR)}) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) {
      return folder.string();
    }
  }
  return {};
}

}  // namespace sluice::cluster
