// `sluice models`, `sluice load` and `sluice unload`: what is there, and which of it shall serve.

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/cli/models_table.h"
#include "cluster/cli/operator_client.h"
#include "common/base/duration_text.h"
#include "common/base/limits.h"
#include "common/process/durable_file.h"

namespace sluice::cluster {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);  // of calls that are answered at once

struct ModelsOptions {
  std::string url = "http://127.0.0.1:8000";
  bool json = false;
};

struct LoadOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string model;
  std::string config_file;
  std::string timeout = "10m";
  bool json = false;
};

Result<std::string> models(const ModelsOptions& options) {
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(options.url, kPatience));
  SLUICE_TRY_ASSIGN(std::string answer, client.get("/sluice/models"));
  return options.json ? Result<std::string>(std::move(answer)) : models_table(answer);
}

Result<std::string> load(const LoadOptions& options) {
  SLUICE_TRY_ASSIGN(const Duration patience, parse_duration(options.timeout));
  std::optional<std::string> config;
  if (!options.config_file.empty()) {
    SLUICE_TRY_ASSIGN(config, DurableFile(options.config_file, limits::kModelConfigBytes).read());
    if (!config) {
      return Error{ErrorCode::not_found, options.config_file + ": there is no such file"};
    }
  }
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(options.url, patience));
  SLUICE_TRY(client.post(repository_path(options.model, "/load"), load_body(config)));
  return options.json ? std::string("{}\n") : options.model + ": loaded\n";
}

Result<std::string> unload(const LoadOptions& options) {
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(options.url, kPatience));
  SLUICE_TRY(client.post(repository_path(options.model, "/unload"), {}));
  return options.json ? std::string("{}\n")
                      : options.model + ": unloaded; what was accepted is being finished\n";
}

}  // namespace

void add_models_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<ModelsOptions>();
  CLI::App* command =
      app.add_subcommand("models", "Show a server's models, versions, labels and rollouts");
  command->add_option("--url", options->url, "Where the server listens")->capture_default_str();
  command->add_flag("--json", options->json, "Print the server's JSON instead of a table");
  command->footer("Exits with 0 when the server answered, 1 otherwise.");
  command->callback(
      [options, &exit_code] { print_or_fail("models", models(*options), exit_code); });
}

void add_load_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<LoadOptions>();
  CLI::App* command = app.add_subcommand(
      "load", "Read a model's folder again, follow its policy, and wait until that serves");
  command->add_option("model", options->model, "The model's name")->required();
  command
      ->add_option("--config", options->config_file, "JSON of a configuration, not the one on disk")
      ->type_name("FILE");
  command->add_option("--timeout", options->timeout, "How long to wait; the load goes on after it")
      ->capture_default_str()
      ->type_name("TIME");
  command->add_option("--url", options->url, "Where the server listens")->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON instead of words");
  command->footer("Lifts what an earlier unload or rollout pinned. Exits with 0 when it serves.");
  command->callback([options, &exit_code] { print_or_fail("load", load(*options), exit_code); });
}

void add_unload_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<LoadOptions>();
  CLI::App* command =
      app.add_subcommand("unload", "Serve no version of a model until it is loaded again");
  command->add_option("model", options->model, "The model's name")->required();
  command->add_option("--url", options->url, "Where the server listens")->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON instead of words");
  command->footer("Exits with 0 when the server has begun; accepted requests are finished.");
  command->callback(
      [options, &exit_code] { print_or_fail("unload", unload(*options), exit_code); });
}

}  // namespace sluice::cluster
