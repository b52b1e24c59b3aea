// `sluice node`: the workers of one machine, for a gateway that may be on another.

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/node/model_folder.h"
#include "cluster/node/node_main.h"

namespace sluice::cluster {

namespace {

struct NodeCommandLine {
  NodeOptions node;
  std::string file;
  std::string name;
  std::string folder;
  std::vector<std::string> models;
  int drain_s = 0;
};

Result<std::vector<ModelFile>> models_of(const NodeCommandLine& line) {
  std::vector<ModelFile> models;
  if (!line.file.empty()) {
    SLUICE_TRY_ASSIGN(ModelFile model, model_of_file(line.file, line.name));
    models.push_back(std::move(model));
  }
  if (!line.folder.empty()) {
    SLUICE_TRY_ASSIGN(models, models_of_folder(line.folder));
  }
  for (const std::string& argument : line.models) {
    SLUICE_TRY_ASSIGN(ModelFile model, model_of_argument(argument));
    models.push_back(std::move(model));
  }
  if (models.empty()) {
    return Error{ErrorCode::invalid_argument, "no model: name a FILE, --models or --model"};
  }
  return models;
}

}  // namespace

void add_node_command(CLI::App& app, ExitCode& exit_code) {
  auto line = std::make_shared<NodeCommandLine>();
  line->drain_s = static_cast<int>(
      std::chrono::duration_cast<std::chrono::seconds>(line->node.drain_limit).count());
  NodeOptions& node = line->node;
  CLI::App* command =
      app.add_subcommand("node", "Keep the workers of this machine alive, for a gateway elsewhere");
  command
      ->add_option("--gateway",
                   node.gateway,
                   "Control endpoint of the gateway: tcp://HOST:PORT or ipc:///PATH/control.sock")
      ->required();
  CLI::Option* file = command->add_option("FILE", line->file, "A model file (.onnx), version 1");
  command->add_option("--name", line->name, "The model's name; default: FILE without its extension")
      ->needs(file);
  CLI::Option* folder = command->add_option(
      "--models", line->folder, "Folder of models, MODEL/VERSION/model.onnx; the newest of each");
  folder->excludes(file);
  command->add_option("--model", line->models, "NAME/VERSION=FILE; may be given several times")
      ->excludes(file)
      ->excludes(folder)
      ->allow_extra_args(false);
  command->add_option("--node-id", node.node_id, "Unique in the cluster; default: the host's name");
  command
      ->add_option("--threads",
                   node.threads,
                   "Requests a worker executes at once; never more than affinity and cgroups allow")
      ->check(CLI::PositiveNumber);
  command->add_option("--drain-limit", line->drain_s, "Seconds a drain may take, then: kill")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--worker-program",
                      node.worker_program,
                      "Start this for each worker instead of `sluice`, with its worker's options");
  command->add_option("--engine-library",
                      node.engine_library,
                      "The engine; default: libsluice_engine.so beside the executable");
  command->add_flag("--test-operators", node.test_operators)->group("");
  command->add_option("--lifeline-fd", node.lifeline)->group("");
  command->add_option("--status-fd", node.status)->group("");
  command->callback([line, &exit_code] {
    line->node.drain_limit = std::chrono::seconds(line->drain_s);
    Result<std::vector<ModelFile>> models = models_of(*line);
    if (!models) {
      std::fprintf(stderr, "sluice node: %s\n", models.error().detail.c_str());
      exit_code.value = kExitUsage;
      return;
    }
    line->node.models = *std::move(models);
    exit_code.value = run_node(line->node);
  });
}

}  // namespace sluice::cluster
