// `sluice node`: the workers of one machine, for a gateway that may be on another.

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/node/model_argument.h"
#include "cluster/node/node_main.h"
#include "common/base/model_control.h"
#include "worker/model/repository/server_config.h"

namespace sluice::cluster {

namespace {

struct NodeCommandLine {
  NodeOptions node;
  std::string file;
  std::string name;
  std::vector<std::string> folders;
  std::vector<std::string> models;
  std::string list;
  std::string control = std::string(name_of(ModelControl::watch));
  int poll_s = 0;
  int drain_s = 0;
};

Result<repository::ScanOptions> sources_of(const NodeCommandLine& line) {
  repository::ScanOptions sources;
  if (!line.file.empty()) {
    SLUICE_TRY_ASSIGN(repository::SingleFile model, model_of_file(line.file, line.name));
    sources.files.push_back(std::move(model));
  }
  for (const std::string& folder : line.folders) {
    SLUICE_TRY_ASSIGN(std::string root, folder_of_models(folder));
    sources.roots.push_back(std::move(root));
  }
  for (const std::string& argument : line.models) {
    SLUICE_TRY_ASSIGN(repository::SingleFile model, model_of_argument(argument));
    sources.files.push_back(std::move(model));
  }
  if (!line.list.empty()) {
    SLUICE_TRY_ASSIGN(sources.listed, repository::read_model_list(line.list));
  }
  if (sources == repository::ScanOptions{} && line.list.empty()) {
    return Error{ErrorCode::invalid_argument,
                 "no model: name a FILE, --models, --model or --model-list"};
  }
  return sources;
}

Result<void> choose_repository(NodeCommandLine& line) {
  const auto control = model_control_from(line.control);
  if (!control) {
    return Error{ErrorCode::invalid_argument,
                 "--model-control is watch, explicit or none, not '" + line.control + "'"};
  }
  repository::WatchOptions& options = line.node.repository;
  options.explicit_only = *control != ModelControl::watch;
  options.poll_interval = std::chrono::seconds(line.poll_s);
  SLUICE_TRY_ASSIGN(options.what, sources_of(line));
  options.list_file = line.list;
  return {};
}

void add_model_options(CLI::App& command, NodeCommandLine& line) {
  CLI::Option* file = command.add_option("FILE", line.file, "A model file (.onnx), version 1");
  command.add_option("--name", line.name, "The model's name; default: FILE without its extension")
      ->needs(file);
  command
      .add_option("--models",
                  line.folders,
                  "Folder of models, MODEL/VERSION/model.onnx; may be given several times")
      ->allow_extra_args(false);
  command.add_option("--model", line.models, "NAME/VERSION=FILE; may be given several times")
      ->allow_extra_args(false);
  command.add_option("--model-list",
                     line.list,
                     "A list of models with a folder of versions each, in the form of TensorFlow "
                     "Serving's --model_config_file or as JSON");
  command
      .add_option(
          "--model-control",
          line.control,
          "watch: follow the disk as it changes; explicit, none: look when the gateway asks")
      ->capture_default_str();
  command
      .add_option("--poll-interval",
                  line.poll_s,
                  "Seconds between two looks where the system does not tell of changes")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
}

}  // namespace

void add_node_command(CLI::App& app, ExitCode& exit_code) {
  auto line = std::make_shared<NodeCommandLine>();
  line->drain_s = static_cast<int>(
      std::chrono::duration_cast<std::chrono::seconds>(line->node.drain_limit).count());
  line->poll_s = static_cast<int>(
      std::chrono::duration_cast<std::chrono::seconds>(line->node.repository.poll_interval)
          .count());
  NodeOptions& node = line->node;
  CLI::App* command =
      app.add_subcommand("node", "Keep the workers of this machine alive, for a gateway elsewhere");
  command
      ->add_option("--gateway",
                   node.gateway,
                   "Control endpoint of the gateway: tcp://HOST:PORT or ipc:///PATH/control.sock")
      ->required();
  add_model_options(*command, *line);
  command->add_option("--node-id", node.node_id, "Unique in the cluster; default: the host's name");
  command
      ->add_option(
          "--threads",
          node.threads,
          "Requests a worker executes at once, never more than affinity and cgroups allow; "
          "default: its share of the CPUs")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--memory",
                   node.memory,
                   "Bytes that all workers may take together; default: what machine and control "
                   "groups have")
      ->check(CLI::PositiveNumber);
  command->add_option("--drain-limit", line->drain_s, "Seconds a drain may take, then: kill")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option(
      "--worker-program",
      node.worker_program,
      "Start this for each worker, with the options of `sluice worker`; default: sluice-worker "
      "beside the executable");
  command->add_option("--engine-library",
                      node.engine_library,
                      "The engine; default: libsluice_engine.so beside the executable");
  command->add_flag("--test-operators", node.test_operators)->group("");
  command->add_option("--lifeline-fd", node.lifeline)->group("");
  command->add_option("--status-fd", node.status)->group("");
  command->callback([line, &exit_code] {
    line->node.drain_limit = std::chrono::seconds(line->drain_s);
    if (const Result<void> chosen = choose_repository(*line); !chosen) {
      static_cast<void>(std::fprintf(stderr, "sluice node: %s\n", chosen.error().detail.c_str()));
      exit_code.value = kExitUsage;
      return;
    }
    exit_code.value = run_node(line->node);
  });
}

}  // namespace sluice::cluster
