// `sluice rollout` with pause, resume and abort, and `sluice rollback`: from one version to
// another, shown while it happens.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <poll.h>

#include "cluster/cli/commands.h"
#include "cluster/cli/operator_client.h"
#include "cluster/cli/rollout_view.h"
#include "cluster/cli/watch.h"
#include "common/base/duration_text.h"

namespace sluice::cluster {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);  // a repository may have to be read first
constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr int kLooksWithoutServer = 25;  // five seconds: a gateway that is replaced

struct RolloutOptions {
  std::string url = "http://127.0.0.1:8000";
  RolloutWish wish;
  std::string strategy;
  std::string hold;
  std::string keep_old;
  bool no_wait = false;
  bool watch = false;
  bool json = false;
};

Result<std::optional<Duration>> optional_duration(const std::string& text) {
  if (text.empty()) {
    return std::optional<Duration>();
  }
  SLUICE_TRY_ASSIGN(const Duration duration, parse_duration(text));
  return std::optional(duration);
}

Result<RolloutWish> wish_of(const RolloutOptions& options) {
  RolloutWish wish = options.wish;
  if (!options.strategy.empty()) {
    wish.strategy = options.strategy;
  }
  SLUICE_TRY_ASSIGN(wish.hold, optional_duration(options.hold));
  SLUICE_TRY_ASSIGN(wish.keep_old, optional_duration(options.keep_old));
  return wish;
}

// Looks until it has ended. A server that is away for a moment is no end: its gateway may be
// replaced.
Result<std::string> wait_for_end(OperatorClient& client,
                                 std::string answer,
                                 std::uint64_t id,
                                 RolloutDisplay& display) {
  int without_server = 0;
  for (;;) {
    SLUICE_TRY_ASSIGN(const RolloutState state, parse_rollout(answer));
    if (state.id != id) {
      return Error{ErrorCode::unavailable,
                   "the server knows nothing of this rollout any more (see sluice models)"};
    }
    display.show(state);
    if (state.ended()) {
      return answer;
    }
    static_cast<void>(::poll(nullptr, 0, static_cast<int>(kLookEvery.count())));
    Result<std::string> next = client.get(sluice_path(state.model, "/rollout"));
    if (next) {
      without_server = 0;
      answer = *std::move(next);
    } else if (next.error().code != ErrorCode::unavailable ||
               ++without_server > kLooksWithoutServer) {
      return next;
    }
  }
}

// The rollout that `path` begins, to its end. It is known by its number: one that was there before
// is not ours.
Result<std::string> follow(const RolloutOptions& options,
                           const std::string& path,
                           const std::string& body) {
  const std::string& model = options.wish.model;
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(options.url, kPatience));
  SLUICE_TRY_ASSIGN(const std::string before, client.get(sluice_path(model, "/rollout")));
  SLUICE_TRY_ASSIGN(const RolloutState earlier, parse_rollout(before));
  SLUICE_TRY_ASSIGN(std::string answer, client.post(path, body));
  SLUICE_TRY_ASSIGN(const RolloutState state, parse_rollout(answer));
  if (state.phase == "none" || (state.id == earlier.id && earlier.ended())) {
    return options.json ? answer : model + ": what is served stays as it is\n";
  }
  if (options.no_wait) {
    return options.json ? answer : model + ": " + rollout_words(state) + "\n";
  }
  RolloutDisplay display(options.json);
  auto last = wait_for_end(client, std::move(answer), state.id, display);
  if (!last) {
    display.leave();
    return last;
  }
  SLUICE_TRY_ASSIGN(const RolloutState end, parse_rollout(*last));
  if (end.phase != "done") {
    return Error{ErrorCode::unavailable, model + ": " + rollout_words(end)};
  }
  return options.json ? last : std::string();
}

Result<std::string> begin(const RolloutOptions& options) {
  SLUICE_TRY_ASSIGN(const RolloutWish wish, wish_of(options));
  return follow(options, sluice_path(wish.model, "/rollout"), rollout_body(wish));
}

Result<std::string> verb(const RolloutOptions& options, const std::string& name) {
  const std::string& model = options.wish.model;
  SLUICE_TRY_ASSIGN(OperatorClient client, OperatorClient::open(options.url, kPatience));
  SLUICE_TRY_ASSIGN(std::string answer, client.post(sluice_path(model, "/rollout/" + name), {}));
  if (options.json) {
    return answer;
  }
  SLUICE_TRY_ASSIGN(const RolloutState state, parse_rollout(answer));
  return model + ": " + rollout_words(state) + "\n";
}

void add_common(CLI::App& command, RolloutOptions& options) {
  // By its option too, for a model that has the name of a subcommand.
  command.add_option("model,--model", options.wish.model, "The model's name");
  command.add_option("--url", options.url, "Where the server listens")->capture_default_str();
  command.add_flag("--json", options.json, "Print the server's JSON instead of words");
}

void add_verb(CLI::App& rollout, ExitCode& exit_code, const std::string& name, const char* about) {
  auto options = std::make_shared<RolloutOptions>();
  CLI::App* command = rollout.add_subcommand(name, about);
  add_common(*command, *options);
  command->footer("Exits with 0 when it was done, 1 otherwise.");
  command->callback([options, name, &exit_code] {
    need(!options->wish.model.empty(), "MODEL is required");
    print_or_fail("rollout " + name, verb(*options, name), exit_code);
  });
}

}  // namespace

void add_rollout_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<RolloutOptions>();
  CLI::App* command =
      app.add_subcommand("rollout", "Serve another version of a model, without losing a request");
  add_common(*command, *options);
  command->add_option("--to", options->wish.to, "A version, or 'policy' to lift a pin")
      ->type_name("V|policy");
  command->add_option("--strategy", options->strategy, "Default: the model's configuration")
      ->check(CLI::IsMember({"rolling", "blue-green", "recreate"}));
  command
      ->add_option(
          "--steps", options->wish.steps, "Percent of the requests, rising, such as 1,10,50,100")
      ->delimiter(',')
      ->type_name("PERCENT,...");
  command->add_option("--hold", options->hold, "How long each step lasts, such as 30s")
      ->type_name("TIME");
  command
      ->add_option("--keep-old", options->keep_old, "How long the old version is kept warm (10m)")
      ->type_name("TIME");
  command->add_flag("--allow-signature-change",
                    options->wish.allow_signature_change,
                    "Inputs and outputs may differ from the old version's");
  command->add_flag("--no-wait", options->no_wait, "Return as soon as it has begun");
  command->add_flag("--watch", options->watch, "Follow the rollout under way; begin none");
  command->footer(
      "Exits with 0 when every shard serves the version (with --no-wait: when it has begun), 1\n"
      "otherwise; ending this command does not end the rollout. A model called pause, resume or\n"
      "abort is named by --model.");
  command->require_subcommand(0, 1);
  add_verb(*command, exit_code, "pause", "Let no further step begin");
  add_verb(*command, exit_code, "resume", "Go on after a pause");
  add_verb(*command, exit_code, "abort", "Give up and go back to the old version");
  command->callback([command, options, &exit_code] {
    if (!command->get_subcommands().empty()) {
      return;
    }
    need(!options->wish.model.empty(), "MODEL is required");
    need(options->wish.to.empty() == options->watch, "--to or --watch is required, and not both");
    print_or_fail("rollout",
                  options->watch ? watch_rollout(options->url, options->wish.model, options->json)
                                 : begin(*options),
                  exit_code);
  });
}

void add_rollback_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<RolloutOptions>();
  CLI::App* command =
      app.add_subcommand("rollback", "Serve what was served before the last rollout");
  command->add_option("model", options->wish.model, "The model's name")->required();
  command->add_option("--url", options->url, "Where the server listens")->capture_default_str();
  command->add_flag("--json", options->json, "Print the server's JSON instead of words");
  command->add_flag("--no-wait", options->no_wait, "Return as soon as it has begun");
  command->footer(
      "A switch where the old version was kept warm, otherwise a rollout to it. Exits with 0 when\n"
      "every shard serves it, 1 otherwise.");
  command->callback([options, &exit_code] {
    print_or_fail(
        "rollback", follow(*options, sluice_path(options->wish.model, "/rollback"), {}), exit_code);
  });
}

}  // namespace sluice::cluster
