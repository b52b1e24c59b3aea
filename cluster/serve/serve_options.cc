#include "cluster/serve/serve_options.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cluster/serve/run_dir.h"
#include "common/process/cpu_budget.h"
#include "common/process/spawn.h"

namespace sluice::cluster {

namespace {

constexpr int kCpusPerShard = 4;

Result<void> find_models(const ServeSettings& settings, ServeOptions& options) {
  if (settings.file && settings.models) {
    return Error{ErrorCode::invalid_argument, "give a model file or --models, not both"};
  }
  if (settings.name && !settings.file) {
    return Error{ErrorCode::invalid_argument, "--name is for a model file, and there is none"};
  }
  if (settings.file) {
    SLUICE_TRY_ASSIGN(ModelFile model, model_of_file(*settings.file, settings.name.value_or("")));
    options.models.push_back(std::move(model));
    options.single_file = true;
    options.source = *settings.file;
    return {};
  }
  const std::string folder = settings.models ? *settings.models : example_folder();
  if (folder.empty()) {
    return Error{ErrorCode::not_found,
                 "the example models are not there: name a model file or --models"};
  }
  SLUICE_TRY_ASSIGN(options.models, models_of_folder(folder));
  options.source = settings.models ? folder : "the example models in " + folder;
  return {};
}

Result<void> choose_graphpipe_model(const ServeSettings& settings, ServeOptions& options) {
  if (options.graphpipe.empty()) {
    return settings.model ? Result<void>(Error{ErrorCode::invalid_argument,
                                               "--model is for --graphpipe, which is not given"})
                          : Result<void>();
  }
  if (!settings.model && options.models.size() != 1) {
    return Error{ErrorCode::invalid_argument,
                 "--graphpipe serves one model: choose it with --model"};
  }
  options.graphpipe_model = settings.model.value_or(options.models.front().name);
  const auto chosen = [&](const ModelFile& model) { return model.name == options.graphpipe_model; };
  if (std::none_of(options.models.begin(), options.models.end(), chosen)) {
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

Result<ServeOptions> complete(const ServeSettings& settings) {
  ServeOptions options;
  SLUICE_TRY(find_models(settings, options));
  options.http = settings.http.value_or(options.http);
  options.metrics = settings.metrics.value_or(options.metrics);
  options.graphpipe = settings.graphpipe.value_or("");
  SLUICE_TRY(choose_graphpipe_model(settings, options));
  options.link = settings.link.value_or("");
  options.run_dir = settings.run_dir.value_or(default_run_dir());
  options.engine_library = settings.engine_library.value_or("");
  options.shards =
      to_int(settings.shards).value_or(std::max(1, cpu_budget(std::nullopt) / kCpusPerShard));
  options.threads = to_int(settings.threads);
  options.body_limit = settings.body_limit;
  if (settings.drain_limit) {
    options.drain_limit = std::chrono::seconds(*settings.drain_limit);
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
