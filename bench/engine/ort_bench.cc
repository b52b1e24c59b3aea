// ort_bench: `sluice bench engine`, but in ONNX Runtime. Takes the same options, and --library.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/engine/ort_library.h"
#include "bench/engine/ort_model.h"
#include "worker/model/engine_bench.h"

namespace sluice::bench {
namespace {

struct Options {
  model::BenchOptions bench;
  std::string library;
  double seconds = 5;
  std::vector<std::string> shapes;
  std::string sweep;
  bool json = false;
};

Result<std::string> bench(Options& options) {
  options.bench.time = std::chrono::duration<double>(options.seconds);
  for (const std::string& text : options.shapes) {
    SLUICE_TRY_ASSIGN(auto shape, model::parse_shape_option(text));
    options.bench.feed.shapes.insert(std::move(shape));
  }
  if (!options.sweep.empty()) {
    SLUICE_TRY_ASSIGN(options.bench.feed.sweep, model::parse_sweep_option(options.sweep));
  }
  SLUICE_TRY_ASSIGN(const auto library, OrtLibrary::open(options.library));
  SLUICE_TRY_ASSIGN(const auto engine, ort_engine(*library));
  SLUICE_TRY_ASSIGN(const model::BenchResult result, model::run_bench(*engine, options.bench));
  return options.json ? json_of(result) : text_of(result);
}

int run(int argc, char** argv) {
  CLI::App app("Runs a model in ONNX Runtime, in a loop; options as of `sluice bench engine`");
  Options options;
  app.add_option("FILE", options.bench.path)->required();
  app.add_option("--library", options.library, "libonnxruntime.so.1")->required();
  app.add_option("--threads", options.bench.threads);
  app.add_option("--seconds", options.seconds);
  app.add_option("--shape", options.shapes)->allow_extra_args(false);
  app.add_option("--data", options.bench.feed.data);
  app.add_option("--sweep", options.sweep);
  app.add_option("--decode", options.bench.feed.decode);
  app.add_option("--write", options.bench.write);
  app.add_flag("--json", options.json);
  CLI11_PARSE(app, argc, argv);
  auto text = bench(options);
  if (!text) {
    static_cast<void>(std::fprintf(stderr, "ort_bench: %s\n", text.error().detail.c_str()));
    return 1;
  }
  static_cast<void>(std::puts(text->c_str()));
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run(argc, argv);
}
