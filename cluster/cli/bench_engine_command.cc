// `sluice bench engine`: how fast a model runs in the engine alone.

#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cluster/cli/commands.h"
#include "common/process/engine_environment.h"
#include "worker/engine/engine.h"
#include "worker/model/engine_bench.h"

namespace sluice::cluster {
namespace {

struct BenchEngineOptions {
  std::string file;
  int threads = 1;
  double seconds = 5;
  std::vector<std::string> shapes;
  bool json = false;
};

// "x=1x3x224x224"; "x=" is a scalar.
Result<Shape> parse_shape(std::string_view text, std::string_view whole) {
  Shape shape;
  while (!text.empty()) {
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    const auto used = static_cast<std::size_t>(end - text.data());
    const bool last = used == text.size();
    if (error != std::errc() || extent < 0 ||
        (!last && (text[used] != 'x' || used + 1 == text.size()))) {
      return Error{ErrorCode::invalid_argument,
                   "--shape " + std::string(whole) + ": wanted NAME=1x3x224x224"};
    }
    shape.push_back(extent);
    text.remove_prefix(last ? used : used + 1);
  }
  return shape;
}

Result<std::string> bench(const BenchEngineOptions& options) {
  model::BenchOptions bench;
  bench.load.path = options.file;
  bench.load.threads = options.threads;
  bench.time = std::chrono::duration<double>(options.seconds);
  for (const std::string& text : options.shapes) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::invalid_argument, "--shape " + text + ": wanted NAME=1x3x224x224"};
    }
    SLUICE_TRY_ASSIGN(bench.shapes[text.substr(0, equals)],
                      parse_shape(std::string_view(text).substr(equals + 1), text));
  }
  SLUICE_TRY(enter_engine_environment(options.threads));
  SLUICE_TRY_ASSIGN(const auto engine, engine::open_engine(engine::default_library()));
  SLUICE_TRY_ASSIGN(const model::BenchResult result, model::bench_engine(*engine, bench));
  if (options.json) {
    return nlohmann::ordered_json{{"min_ms", result.min_ms},
                                  {"p50_ms", result.p50_ms},
                                  {"p99_ms", result.p99_ms},
                                  {"runs", result.runs},
                                  {"load_ms", result.load_ms},
                                  {"peak_rss_mb", result.peak_rss_mb}}
        .dump();
  }
  char text[256];
  static_cast<void>(std::snprintf(text,
                                  sizeof(text),
                                  "min_ms       %.4f\np50_ms       %.4f\np99_ms       %.4f\n"
                                  "runs         %lld\nload_ms      %.1f\npeak_rss_mb  %.1f",
                                  result.min_ms,
                                  result.p50_ms,
                                  result.p99_ms,
                                  static_cast<long long>(result.runs),
                                  result.load_ms,
                                  result.peak_rss_mb));
  return std::string(text);
}

}  // namespace

void add_bench_engine_command(CLI::App& bench_app, ExitCode& exit_code) {
  auto options = std::make_shared<BenchEngineOptions>();
  CLI::App* command =
      bench_app.add_subcommand("engine", "Run a model in the engine of this process, in a loop");
  command->add_option("FILE", options->file, "An ONNX model")->required();
  command->add_option("--threads", options->threads, "Threads of one execution")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "How long to run")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str();
  command
      ->add_option("--shape",
                   options->shapes,
                   "NAME=1x3x224x224, once for each input; open extents of the others are 1")
      ->allow_extra_args(false);
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
