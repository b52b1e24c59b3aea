// `sluice gateway`: the front end alone, for workers that may be on other hosts.

#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/node/model_settings.h"
#include "cluster/serve/run_dir.h"
#include "cluster/serve/serve_options.h"
#include "gateway/control/gateway_main.h"

namespace sluice::cluster {

namespace {

struct GatewayCommandLine {
  gateway::GatewayOptions gateway;
  std::vector<std::string> listen_fds;  // "http:7,8"
  std::optional<std::string> state_file;
  std::string model_control = std::string(name_of(ModelControl::watch));
  bool strict_readiness = true;
  int drain_s = 0;
  int keep_awake_us = 0;
};

Result<std::vector<int>> descriptors_of(std::string_view text) {
  std::vector<int> fds;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    int fd = -1;
    const auto parsed = std::from_chars(at, end, fd);
    if (parsed.ec != std::errc() || fd < 0 || (parsed.ptr != end && *parsed.ptr != ',')) {
      return Error{ErrorCode::invalid_argument,
                   "--listen-fd: '" + std::string(text) + "' is no list of descriptors"};
    }
    fds.push_back(fd);
    at = parsed.ptr == end ? end : parsed.ptr + 1;
  }
  return fds;
}

Result<void> take_descriptors(GatewayCommandLine& line) {
  for (const std::string_view entry : line.listen_fds) {
    const std::size_t colon = std::min(entry.find(':'), entry.size());
    const std::string_view kind = entry.substr(0, colon);
    SLUICE_TRY_ASSIGN(std::vector<int> fds,
                      descriptors_of(entry.substr(std::min(colon + 1, entry.size()))));
    if (kind == "http") {
      line.gateway.http_descriptors = std::move(fds);
    } else if (kind == "graphpipe") {
      line.gateway.graphpipe_descriptors = std::move(fds);
    } else if (kind == "metrics" && fds.size() == 1) {
      line.gateway.metrics_descriptor = fds.front();
    } else {
      return Error{ErrorCode::invalid_argument,
                   "--listen-fd: '" + std::string(entry) +
                       "' is not of the form http:FD,..., graphpipe:FD,... or metrics:FD"};
    }
  }
  return {};
}

Result<int> run(GatewayCommandLine& line) {
  SLUICE_TRY(take_descriptors(line));
  if (line.gateway.run_dir.empty()) {
    line.gateway.run_dir = default_run_dir();
  }
  SLUICE_TRY(prepare_run_dir(line.gateway.run_dir));
  SLUICE_TRY_ASSIGN(line.gateway.model_control,
                    checked_model_control(line.model_control, line.gateway.load_models));
  line.gateway.strict_readiness = line.strict_readiness;
  line.gateway.state_file = line.state_file.value_or(line.gateway.run_dir + "/state.json");
  line.gateway.drain_limit = std::chrono::seconds(line.drain_s);
  line.gateway.keep_awake = std::chrono::microseconds(line.keep_awake_us);
  line.gateway.read_config = read_loaded_config;
  return gateway::run_gateway(line.gateway);
}

void add_options(CLI::App& command, GatewayCommandLine& line) {
  gateway::GatewayOptions& gateway = line.gateway;
  command.add_option("--http", gateway.http_address, "HTTP listener")->capture_default_str();
  command.add_option("--metrics", gateway.metrics_address, "Prometheus listener; \"\": none")
      ->capture_default_str();
  CLI::Option* graphpipe = command.add_option(
      "--graphpipe", gateway.graphpipe_address, "GraphPipe listener for one model at /");
  command.add_option("--model", gateway.graphpipe_model, "The model of --graphpipe");
  graphpipe->needs("--model");
  command.add_option("--link",
                     gateway.link_address,
                     "tcp://ADDRESS:PORT for nodes and workers of other hosts: control at PORT, "
                     "shard K at PORT + 1 + K; default: this host only, by --run-dir");
  command.add_option("--run-dir",
                     gateway.run_dir,
                     "Folder of the ipc sockets; default: $XDG_RUNTIME_DIR/sluice or "
                     "/tmp/sluice-UID");
  command.add_option("--state",
                     line.state_file,
                     "File that keeps what operators have asked for and what serves; default: "
                     "state.json in --run-dir; \"\": nothing is kept");
  command.add_option("--shards", gateway.shards, "Threads that serve requests")
      ->check(CLI::Range(1, static_cast<int>(limits::kShards)))
      ->capture_default_str();
  command
      .add_option("--expect",
                  gateway.expected_models,
                  "A model without which the server is not ready; may be given several times")
      ->allow_extra_args(false);
  command.add_option("--strict-readiness",
                     line.strict_readiness,
                     "false: an expected model that has failed does not hold readiness up");
  command
      .add_option(
          "--model-control",
          line.model_control,
          "Who decides what is loaded: watch (the nodes' disks, as they change), none (their "
          "disks at the start), explicit (who asks)")
      ->capture_default_str();
  command
      .add_option("--load-model",
                  gateway.load_models,
                  "With --model-control explicit: load this model at the start, '*': all; may be "
                  "given several times")
      ->allow_extra_args(false);
  command.add_option("--body-limit", gateway.body_limit, "Largest request body, bytes")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--drain-limit", line.drain_s, "Seconds a drain may take")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--keep-awake",
                  line.keep_awake_us,
                  "Microseconds that a CPU is kept from sleeping after a lone request; 0: never")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command.add_option("--listen-fd", line.listen_fds)->allow_extra_args(false)->group("");
  command.add_option("--lifeline-fd", gateway.lifeline)->group("");
}

}  // namespace

void add_gateway_command(CLI::App& app, ExitCode& exit_code) {
  auto line = std::make_shared<GatewayCommandLine>();
  line->drain_s = static_cast<int>(
      std::chrono::duration_cast<std::chrono::seconds>(line->gateway.drain_limit).count());
  line->keep_awake_us = static_cast<int>(
      std::chrono::duration_cast<std::chrono::microseconds>(line->gateway.keep_awake).count());
  CLI::App* command =
      app.add_subcommand("gateway", "Run the front end alone; nodes and workers dial it");
  add_options(*command, *line);
  command->callback([line, &exit_code] {
    const Result<int> code = run(*line);
    if (!code) {
      static_cast<void>(std::fprintf(stderr, "sluice gateway: %s\n", code.error().detail.c_str()));
    }
    exit_code.value = code ? *code : kExitFailure;
  });
}

}  // namespace sluice::cluster
