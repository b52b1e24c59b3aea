// `sluice worker`: one version of one model, for a gateway that may be on another host.

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "cluster/cli/commands.h"
#include "cluster/node/model_argument.h"
#include "common/process/spawn.h"
#include "worker/serve/worker_main.h"

namespace sluice::cluster {

namespace {

struct WorkerCommandLine {
  worker::WorkerOptions worker;
  int plan_fd = -1;
};

// By a node's plan, or from the command line alone.
Result<void> choose_model(WorkerCommandLine& line) {
  worker::WorkerOptions& options = line.worker;
  if (line.plan_fd >= 0) {
    SLUICE_TRY_ASSIGN(options.plan, worker::read_plan(line.plan_fd));
    ::close(line.plan_fd);
    options.model_path = options.plan.model_path;
    options.model_name = options.plan.model_name;
    options.version = options.plan.version;
    return {};
  }
  if (options.model_path.empty()) {
    return Error{ErrorCode::invalid_argument, "no model: name its FILE"};
  }
  if (options.model_name.empty()) {
    SLUICE_TRY_ASSIGN(const repository::SingleFile model, model_of_file(options.model_path, ""));
    options.model_name = model.name;
  }
  options.plan.model_path = options.model_path;
  options.plan.model_name = options.model_name;
  options.plan.version = options.version;
  return {};
}

Result<int> run(WorkerCommandLine& line) {
  SLUICE_TRY(choose_model(line));
  worker::WorkerOptions& options = line.worker;
  if (options.worker_id.empty()) {
    options.worker_id = own_host_name() + "/" + options.model_name + "/" +
                        std::to_string(options.version) + "/by-hand";
  }
  if (options.control.starts_with("tcp://")) {
    options.heartbeat_interval = limits::kHeartbeatBetweenHosts;
  }
  return worker::run_worker(options);
}

void add_options(CLI::App& command, WorkerCommandLine& line) {
  worker::WorkerOptions& worker = line.worker;
  command.add_option("FILE", worker.model_path, "The model file (.onnx)");
  command
      .add_option("--gateway",
                  worker.control,
                  "Control endpoint of the gateway: tcp://HOST:PORT or ipc:///PATH/control.sock")
      ->required();
  command.add_option(
      "--name", worker.model_name, "The model's name; default: FILE without its extension");
  command.add_option("--model-version", worker.version, "The version it serves")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--id",
                     worker.worker_id,
                     "Unique in the cluster, the same over restarts; default: from host and model");
  command.add_option("--node", worker.node_id, "Id of the node that started it; default: none");
  command.add_option("--executors", worker.executors, "Requests executed at the same time")
      ->check(CLI::Range(1, static_cast<int>(limits::kExecutorsPerWorker)))
      ->capture_default_str();
  command.add_option("--threads", worker.threads_per_executor, "Threads of one execution")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--memory",
                     worker.memory_bytes,
                     "Bytes that loading or an execution may take at once; default: what machine "
                     "and control groups have left");
  command.add_option("--engine-library",
                     worker.engine_library,
                     "The engine; default: libsluice_engine.so beside the executable");
  command.add_flag("--urgent",
                   worker.urgent,
                   "Load at full priority, because requests wait; default: where a CPU would idle");
  command.add_flag("--test-operators", worker.test_operators)->group("");
  command.add_option("--lifeline-fd", worker.lifeline_fd)->group("");
  command.add_option("--status-fd", worker.status_fd)->group("");
  command.add_option("--quiet-start-fd", worker.quiet_start_fd)->group("");
  command.add_option("--suspects-fd", worker.suspects_fd)->group("");
  command.add_option("--plan-fd", line.plan_fd)->group("");
}

}  // namespace

void add_worker_command(CLI::App& app, ExitCode& exit_code) {
  auto line = std::make_shared<WorkerCommandLine>();
  CLI::App* command =
      app.add_subcommand("worker", "Serve one model version to a gateway; nodes start these");
  command->footer(
      "Exits with 3 when the model cannot be loaded, with 0 after SIGTERM and a drain.");
  add_options(*command, *line);
  command->callback([line, &exit_code] {
    const Result<int> code = run(*line);
    if (!code) {
      static_cast<void>(std::fprintf(stderr, "sluice worker: %s\n", code.error().detail.c_str()));
    }
    exit_code.value = code ? *code : worker::kExitBadOptions;
  });
}

}  // namespace sluice::cluster
