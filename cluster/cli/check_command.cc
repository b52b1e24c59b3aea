// `sluice check`: runs ONNX test-case folders in the engine and compares.

#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cluster/cli/commands.h"
#include "worker/engine/engine.h"
#include "worker/model/test_case.h"

namespace sluice::cluster {
namespace {

struct CheckOptions {
  std::vector<std::string> folders;
  model::Tolerance tolerance;
  int threads = 1;
  bool json = false;
  bool test_operators = false;
};

std::string json_line(const nlohmann::ordered_json& line) {
  // A model's strings may be no UTF-8; the line still has to be.
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print(const model::SetResult& result, bool json) {
  if (json) {
    static_cast<void>(std::puts(json_line({{"case", result.test_case},
                                           {"set", result.set},
                                           {"status", std::string(model::name_of(result.status))},
                                           {"detail", result.detail}})
                                    .c_str()));
  } else {
    static_cast<void>(std::printf("%-11s %s%s%s%s%s\n",
                                  std::string(model::name_of(result.status)).c_str(),
                                  result.test_case.c_str(),
                                  result.set.empty() ? "" : "/",
                                  result.set.c_str(),
                                  result.detail.empty() ? "" : ": ",
                                  result.detail.c_str()));
  }
  static_cast<void>(std::fflush(stdout));
}

Result<bool> check(const CheckOptions& options) {
  SLUICE_TRY_ASSIGN(const auto engine, engine::open_engine(engine::default_library()));
  const engine::LoadOptions load{
      .path = {}, .threads = options.threads, .test_operators = options.test_operators};
  std::map<model::CheckStatus, std::size_t> counts;
  for (const auto& [test_case, name] : model::named_cases(options.folders)) {
    for (auto& result : model::run_test_case(*engine, test_case, load, options.tolerance)) {
      result.test_case = name;
      print(result, options.json);
      ++counts[result.status];
    }
  }
  nlohmann::ordered_json summary;
  std::size_t total = 0;
  std::string text;
  for (const model::CheckStatus status : model::kCheckStatuses) {
    summary[std::string(model::name_of(status))] = counts[status];
    total += counts[status];
    text += (text.empty() ? "" : ", ") + std::to_string(counts[status]) + " " +
            std::string(model::name_of(status));
  }
  static_cast<void>(std::puts(options.json ? json_line(summary).c_str() : text.c_str()));
  return counts[model::CheckStatus::pass] == total;
}

}  // namespace

void add_check_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      app.add_subcommand("check", "Run ONNX test-case folders in the engine and compare");
  command
      ->add_option("DIR",
                   options->folders,
                   "A folder with model.onnx and test_data_set_K/{input,output}_I.pb, or a folder "
                   "of such folders")
      ->required();
  command->add_flag("--json", options->json, "One JSON object a set, then one with the counts");
  command->add_option("--rtol", options->tolerance.relative, "Relative tolerance of an element")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--atol", options->tolerance.absolute, "Absolute tolerance of an element")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--atol-scale",
                   options->tolerance.scale,
                   "Absolute tolerance as a part of the largest value wanted in the tensor")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads of one execution")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag(
      "--test-operators", options->test_operators, "Know the operators of the domain sluice.test");
  command->callback([options, &exit_code] {
    auto passed = check(*options);
    if (!passed) {
      static_cast<void>(std::fprintf(stderr, "sluice check: %s\n", passed.error().detail.c_str()));
    }
    exit_code.value = passed && *passed ? 0 : kExitFailure;
  });
}

}  // namespace sluice::cluster
