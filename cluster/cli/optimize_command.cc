// `sluice optimize`: a model behind the passes of the engine's plan, as an ONNX file.

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/cli/text_table.h"
#include "common/process/durable_file.h"
#include "worker/engine/engine.h"

namespace sluice::cluster {
namespace {

struct OptimizeOptions {
  std::string file;
  std::string out;
  bool dump_passes = false;
};

// "-12 BatchNormalization, +1 Gelu"; "-" where a pass changed nothing.
std::string changes_text(const engine::PassReport& pass) {
  std::string text;
  for (const auto& [name, count] : pass.changes) {
    text += (text.empty() ? "" : ", ") + std::string(count > 0 ? "+" : "") + std::to_string(count) +
            " " + name;
  }
  return text.empty() ? "-" : text;
}

Result<std::string> optimize(const OptimizeOptions& options) {
  SLUICE_TRY_ASSIGN(const auto engine, engine::open_engine(engine::default_library()));
  SLUICE_TRY_ASSIGN(const engine::Optimization made, engine->optimize(options.file));
  SLUICE_TRY(
      DurableFile(options.out, made.file.size(), DurableFile::kAsUmaskSays).write(made.file));
  std::string text;
  if (options.dump_passes) {
    std::vector<TextRow> rows;
    for (const engine::PassReport& pass : made.passes) {
      rows.push_back({pass.name, std::to_string(pass.nodes), changes_text(pass)});
    }
    append_table(text, {"PASS", "NODES", "CHANGES"}, rows);
    text += "\n";
  }
  const std::size_t nodes = made.passes.empty() ? made.nodes : made.passes.back().nodes;
  return text + options.out + ": " + std::to_string(nodes) + " nodes, of " +
         std::to_string(made.nodes) + " in " + options.file + "\n";
}

}  // namespace

void add_optimize_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<OptimizeOptions>();
  CLI::App* command = app.add_subcommand(
      "optimize",
      "Write a model as ONNX again, behind those passes of the engine that ONNX has words for");
  command->add_option("FILE", options->file, "An ONNX model")->required();
  command->add_option("-o,--output", options->out, "The file to write; what is there is replaced")
      ->required();
  command->add_flag("--dump-passes", options->dump_passes, "Show what each pass changed");
  command->callback(
      [options, &exit_code] { print_or_fail("optimize", optimize(*options), exit_code); });
}

}  // namespace sluice::cluster
