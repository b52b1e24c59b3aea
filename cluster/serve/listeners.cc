#include "cluster/serve/listeners.h"

#include <chrono>
#include <utility>

#include "cluster/node/model_argument.h"
#include "gateway/net/bind.h"

namespace sluice::cluster {

namespace {

Result<Listener> open_listener(const std::string& kind,
                               const std::string& address,
                               std::size_t count) {
  const Result<SocketAddress> parsed = parse_address(address);
  if (!parsed) {
    return with_context(parsed.error(), "--" + kind);
  }
  Result<BoundListeners> bound = bind_listeners(*parsed, count);
  if (!bound) {
    const std::string text = parsed->text();
    if (bound.error().code == ErrorCode::unavailable) {
      return Error{ErrorCode::unavailable,
                   "port " + std::to_string(parsed->port()) + " on " +
                       text.substr(0, text.rfind(':')) + " is taken (" + bound.error().detail +
                       "): choose another with --" + kind};
    }
    return with_context(std::move(bound).error(), "--" + kind);
  }
  Listener listener;
  listener.kind = kind;
  listener.address = bound->address.text();
  listener.fds = std::move(bound->fds);
  return listener;
}

std::string seconds_of(Duration time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
}

void add(std::vector<std::string>& arguments, std::string option, std::string value) {
  arguments.push_back(std::move(option));
  arguments.push_back(std::move(value));
}

}  // namespace

Result<std::vector<Listener>> open_listeners(const ServeOptions& options) {
  const auto shards = static_cast<std::size_t>(options.shards);
  std::vector<Listener> listeners;
  SLUICE_TRY_ASSIGN(Listener http, open_listener("http", options.http, shards));
  listeners.push_back(std::move(http));
  if (!options.graphpipe.empty()) {
    SLUICE_TRY_ASSIGN(Listener graphpipe, open_listener("graphpipe", options.graphpipe, shards));
    listeners.push_back(std::move(graphpipe));
  }
  if (!options.metrics.empty()) {
    SLUICE_TRY_ASSIGN(Listener metrics, open_listener("metrics", options.metrics, 1));
    listeners.push_back(std::move(metrics));
  }
  return listeners;
}

std::vector<std::string> gateway_arguments(const ServeOptions& options,
                                           const std::vector<Listener>& listeners) {
  std::vector<std::string> arguments = {"gateway"};
  add(arguments, "--run-dir", options.run_dir);
  add(arguments, "--state", options.state_file);
  add(arguments, "--shards", std::to_string(options.shards));
  add(arguments, "--drain-limit", seconds_of(options.drain_limit));
  add(arguments,
      "--keep-awake",
      std::to_string(std::chrono::round<std::chrono::microseconds>(options.keep_awake).count()));
  add(arguments, "--metrics", "");
  for (const Listener& listener : listeners) {
    std::string fds = listener.kind + ":";
    for (const UniqueFd& fd : listener.fds) {
      fds += (fds.back() == ':' ? "" : ",") + std::to_string(fd.get());
    }
    add(arguments, "--listen-fd", fds);
  }
  if (!options.graphpipe_model.empty()) {
    add(arguments, "--model", options.graphpipe_model);
  }
  if (!options.link.empty()) {
    add(arguments, "--link", options.link);
  }
  if (options.body_limit) {
    add(arguments, "--body-limit", std::to_string(*options.body_limit));
  }
  add(arguments, "--strict-readiness", options.strict_readiness ? "true" : "false");
  for (const ExpectedModel& model : options.expected) {
    add(arguments, "--expect", model.name);
  }
  add(arguments, "--model-control", std::string(name_of(options.model_control)));
  for (const std::string& model : options.load_models) {
    add(arguments, "--load-model", model);
  }
  return arguments;
}

std::vector<std::string> node_arguments(const ServeOptions& options, Duration drain_limit) {
  std::vector<std::string> arguments = {"node"};
  add(arguments, "--gateway", "ipc://" + options.run_dir + "/control.sock");
  add(arguments, "--drain-limit", seconds_of(drain_limit));
  if (options.threads) {
    add(arguments, "--threads", std::to_string(*options.threads));
  }
  if (options.memory) {
    add(arguments, "--memory", std::to_string(*options.memory));
  }
  if (!options.engine_library.empty()) {
    add(arguments, "--engine-library", options.engine_library);
  }
  if (options.test_operators) {
    arguments.emplace_back("--test-operators");
  }
  for (const repository::SingleFile& model : options.sources.files) {
    add(arguments, "--model", to_argument(model));
  }
  for (const std::string& root : options.sources.roots) {
    add(arguments, "--models", root);
  }
  if (!options.model_list.empty()) {
    add(arguments, "--model-list", options.model_list);
  }
  add(arguments, "--model-control", std::string(name_of(options.model_control)));
  if (options.poll_interval) {
    add(arguments, "--poll-interval", std::to_string(*options.poll_interval));
  }
  return arguments;
}

}  // namespace sluice::cluster
