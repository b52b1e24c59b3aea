// `sluice inspect`: what a model file holds, and whether the engine can load it.

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/cli/inspection_text.h"
#include "worker/engine/engine.h"

namespace sluice::cluster {
namespace {

struct InspectOptions {
  std::string file;
  bool json = false;
};

Result<std::string> inspect(const InspectOptions& options) {
  SLUICE_TRY_ASSIGN(const auto engine, engine::open_engine(engine::default_library()));
  SLUICE_TRY_ASSIGN(const engine::Inspection found, engine->inspect(options.file));
  return options.json ? inspection_json(options.file, found) + "\n"
                      : inspection_text(options.file, found);
}

}  // namespace

void add_inspect_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Show a model's inputs, outputs, operators, and whether it can be loaded");
  command->add_option("FILE", options->file, "An ONNX model")->required();
  command->add_flag("--json", options->json, "One JSON object");
  command->callback(
      [options, &exit_code] { print_or_fail("inspect", inspect(*options), exit_code); });
}

}  // namespace sluice::cluster
