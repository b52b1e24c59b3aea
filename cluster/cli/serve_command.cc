// `sluice serve`: gateway, node and workers on this machine.

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/serve/parent.h"
#include "cluster/serve/serve_options.h"
#include "cluster/serve/serve_settings.h"

namespace sluice::cluster {

namespace {

struct ServeCommandLine {
  ServeSettings flags;
  std::string config;
  bool test_operators = false;
};

// "run_dir" as a setting, "--run-dir" as a flag; the model file is a bare argument.
std::string flag_of(const std::string& key) {
  if (key == "file") {
    return "FILE";
  }
  std::string flag = "--" + key;
  for (char& c : flag) {
    c = c == '_' ? '-' : c;
  }
  return flag;
}

Result<ServeOptions> options_of(const ServeCommandLine& line) {
  ServeSettings settings = line.flags;
  if (!line.config.empty()) {
    SLUICE_TRY_ASSIGN(const ServeSettings file, read_config(line.config));
    settings = merged(line.flags, file);
  }
  SLUICE_TRY_ASSIGN(ServeOptions options, complete(settings));
  options.test_operators = line.test_operators;
  return options;
}

}  // namespace

void add_serve_command(CLI::App& app, ExitCode& exit_code) {
  auto line = std::make_shared<ServeCommandLine>();
  CLI::App* command =
      app.add_subcommand("serve", "Serve models on this machine: gateway, node and workers");
  command->footer(
      "Without FILE and --models the example models are served. Every long option but --config is "
      "also a key of the TOML file, with '_' for '-'; options win over the file.");
  for (const TextKey& key : text_keys()) {
    command->add_option(flag_of(key.key), line->flags.*(key.member), key.help);
  }
  for (const NumberKey& key : number_keys()) {
    command->add_option(flag_of(key.key), line->flags.*(key.member), key.help)
        ->check(CLI::Range(key.least, key.most));
  }
  for (const ListKey& key : list_keys()) {
    command->add_option(flag_of(key.key), line->flags.*(key.member), key.help)
        ->allow_extra_args(false);
  }
  for (const SwitchKey& key : switch_keys()) {
    command->add_option(flag_of(key.key), line->flags.*(key.member), key.help);
  }
  command->add_option("--config", line->config, "TOML file with settings");
  command->add_flag("--test-operators", line->test_operators)->group("");
  command->callback([line, &exit_code] {
    const Result<ServeOptions> options = options_of(*line);
    if (!options) {
      static_cast<void>(std::fprintf(stderr, "sluice serve: %s\n", options.error().detail.c_str()));
      exit_code.value =
          options.error().code == ErrorCode::invalid_argument ? kExitUsage : kExitFailure;
      return;
    }
    exit_code.value = run_serve(*options);
  });
}

}  // namespace sluice::cluster
