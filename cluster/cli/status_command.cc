// `sluice status`: what a running cluster does, as a table or as JSON.

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cluster/cli/commands.h"
#include "cluster/cli/status_table.h"
#include "cluster/cli/watch.h"
#include "cluster/serve/http_get.h"

namespace sluice::cluster {

namespace {

struct StatusOptions {
  std::string url = "http://127.0.0.1:8000";
  bool json = false;
  bool watch = false;
};

Result<std::string> fetch(const StatusOptions& options) {
  if (options.watch) {
    return watch_cluster(options.url, options.json);
  }
  SLUICE_TRY_ASSIGN(const HttpAddress address, parse_url(options.url));
  SLUICE_TRY_ASSIGN(HttpReply reply, http_get(address, "/sluice/status", std::chrono::seconds(5)));
  if (reply.status != 200) {
    return Error{ErrorCode::unavailable,
                 options.url + " answers " + std::to_string(reply.status) + " to /sluice/status"};
  }
  if (options.json) {
    return reply.body + "\n";
  }
  return status_table(reply.body);
}

}  // namespace

void add_status_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Show models, workers and queues of a server");
  command->add_option("--url", options->url, "Where the server listens")->capture_default_str();
  command->add_flag("--json", options->json, "Print the server's JSON instead of a table");
  command->add_flag("--watch",
                    options->watch,
                    "Go on: a table drawn anew on a terminal, otherwise a line for each event");
  command->footer("Exits with 0 when the server answered, 1 otherwise.");
  command->callback([options, &exit_code] {
    const Result<std::string> text = fetch(*options);
    if (!text) {
      static_cast<void>(std::fprintf(stderr, "sluice status: %s\n", text.error().detail.c_str()));
      exit_code.value = kExitFailure;
      return;
    }
    static_cast<void>(std::fputs(text->c_str(), stdout));
  });
}

}  // namespace sluice::cluster
