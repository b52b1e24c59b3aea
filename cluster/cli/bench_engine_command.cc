// `sluice bench engine`: how fast a model runs in the engine alone.

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/cli/profile_view.h"
#include "worker/engine/engine.h"
#include "worker/model/engine_bench.h"

namespace sluice::cluster {
namespace {

struct BenchEngineOptions {
  model::BenchOptions bench;
  double seconds = 5;
  std::vector<std::string> shapes;
  std::string sweep;
  std::vector<std::string> without;
  std::string trace;  // a file; "": none
  bool profile = false;
  bool json = false;
};

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  if (!file.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) {
    return Error{ErrorCode::unavailable, "cannot write '" + path + "'"};
  }
  return {};
}

Result<std::string> bench(const BenchEngineOptions& options) {
  model::BenchOptions bench = options.bench;
  bench.time = std::chrono::duration<double>(options.seconds);
  for (const std::string& text : options.shapes) {
    SLUICE_TRY_ASSIGN(auto shape, model::parse_shape_option(text));
    bench.feed.shapes.insert(std::move(shape));
  }
  if (!options.sweep.empty()) {
    SLUICE_TRY_ASSIGN(bench.feed.sweep, model::parse_sweep_option(options.sweep));
  }
  SLUICE_TRY_ASSIGN(const auto engine, engine::open_engine(engine::default_library()));
  const auto subject = model::bench_engine_of(*engine, options.without);
  model::StepProfile profile;
  bench.profile = options.profile || !options.trace.empty() ? &profile : nullptr;
  SLUICE_TRY_ASSIGN(const model::BenchResult result, model::run_bench(*subject, bench));
  if (!options.trace.empty()) {
    SLUICE_TRY(write_file(options.trace, trace_json(profile)));
  }
  if (!options.profile) {
    return options.json ? json_of(result) : text_of(result);
  }
  const engine::MachinePeak peak = engine->measure_peak();
  return options.json ? profile_json(profile, peak)
                      : text_of(result) + "\n\n" + profile_text(profile, peak);
}

}  // namespace

void add_bench_engine_command(CLI::App& bench_app, ExitCode& exit_code) {
  auto options = std::make_shared<BenchEngineOptions>();
  CLI::App* command =
      bench_app.add_subcommand("engine", "Run a model in the engine of this process, in a loop");
  command->add_option("FILE", options->bench.path, "An ONNX model")->required();
  command->add_option("--threads", options->bench.threads, "Threads of one execution")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "How long to run")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str();
  CLI::Option* shape = command
                           ->add_option("--shape",
                                        options->shapes,
                                        "NAME=1x3x224x224, once for each input; open extents of "
                                        "the others are 1")
                           ->allow_extra_args(false);
  CLI::Option* data =
      command->add_option("--data", options->bench.feed.data, "A folder with input_I.pb")
          ->excludes(shape);
  CLI::Option* sweep =
      command
          ->add_option("--sweep",
                       options->sweep,
                       "SYMBOL=1..128: run once with each of these values of an open extent")
          ->excludes(data);
  CLI::Option* profile = command->add_flag(
      "--profile", options->profile, "Show where the time goes, by operator and by step");
  CLI::Option* trace = command->add_option(
      "--trace", options->trace, "A file for one run as Chrome and Perfetto show it");
  for (CLI::Option* option : {profile, trace}) {
    option->excludes(sweep);
  }
  command
      ->add_option("--decode",
                   options->bench.feed.decode,
                   "So many steps of one token each, the present of one the past of the next")
      ->check(CLI::Range(1, 100'000))
      ->excludes(shape)
      ->excludes(data)
      ->excludes(sweep)
      ->excludes(profile)
      ->excludes(trace);
  command
      ->add_option("--without",
                   options->without,
                   "Leave out families of the plan's passes, to see what they bring: "
                   "duplicates,identities; a name that there is not lists them")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--write", options->bench.write, "A folder for output_I.pb of the first run");
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options, &exit_code] {
    auto text = bench(*options);
    if (!text) {
      static_cast<void>(
          std::fprintf(stderr, "sluice bench engine: %s\n", text.error().detail.c_str()));
      exit_code.value =
          text.error().code == ErrorCode::invalid_argument ? kExitUsage : kExitFailure;
      return;
    }
    static_cast<void>(std::puts(text->c_str()));
  });
}

void add_bench_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command = app.add_subcommand("bench", "Measure");
  command->require_subcommand(1);
  add_bench_engine_command(*command, exit_code);
}

}  // namespace sluice::cluster
