// `sluice`: parses the command line and runs one subcommand. The last place that catches anything.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "common/base/version.h"

namespace {

// One line for a wrong command line, naming the subcommand whose help says more.
std::string usage_line(const CLI::App* app, const CLI::Error& error) {
  std::string command = app->get_name();
  const CLI::App* at = app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().back();
    command += " " + at->get_name();
  }
  std::string reason = error.what();
  for (char& c : reason) {
    c = c == '\n' ? ' ' : c;
  }
  return command + ": " + reason + " (see " + command + " --help)\n";
}

int run(int argc, char** argv) {
  CLI::App app("Sluice: an actor-model serving cluster for machine-learning models.", "sluice");
  app.set_version_flag("--version", "sluice " + std::string(sluice::kVersion));
  app.require_subcommand(1);
  app.failure_message(usage_line);
  app.get_formatter()->column_width(34);
  sluice::cluster::ExitCode exit_code;
  sluice::cluster::add_commands(app, exit_code);
  if (argc <= 1) {
    static_cast<void>(std::fputs(app.help().c_str(), stdout));
    return sluice::cluster::kExitUsage;
  }
  const auto called = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), called)) {
    static_cast<void>(
        std::fprintf(stderr, "sluice: there is no command '%s' (see sluice --help)\n", argv[1]));
    return sluice::cluster::kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : sluice::cluster::kExitUsage;
  }
  return exit_code.value;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    // What a command printed may sit in the buffer; lost on a full disk it is no success.
    const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (!written && code == 0) {
      static_cast<void>(std::fputs("sluice: the output cannot be written\n", stderr));
      return sluice::cluster::kExitFailure;
    }
    return code;
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "sluice: %s\n", error.what()));
    return sluice::cluster::kExitFailure;
  }
}
