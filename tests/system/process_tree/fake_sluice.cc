// A `sluice` whose gateway and workers are empty shells: the real parent, the real node, and around
// them processes that do on demand what real ones must never do. The gateway has the node run the
// newest version of each model. What they do is in the
// environment:
//   SLUICE_FAKE_GATEWAY  exits (at once, code 9), unready (for ever)
//   SLUICE_FAKE_WORKER   load_fails, crashes, deaf (to SIGTERM), floods (stderr)

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/node/model_argument.h"
#include "cluster/node/node_main.h"
#include "cluster/serve/parent.h"
#include "cluster/serve/serve_options.h"
#include "common/process/lifeline.h"
#include "common/process/lines.h"
#include "tests/system/node/fake_control.h"

namespace {

using sluice::cluster::ServeSettings;

std::string_view behaviour(const char* part) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* value = std::getenv(part);
  return value != nullptr ? value : "";
}

// The options as written, "--key value" or "--key=value"; a word alone is "FILE".
struct Options {
  std::vector<std::pair<std::string, std::string>> list;

  explicit Options(int argc, char** argv) {
    for (int i = 2; i < argc; ++i) {
      const std::string word = argv[i];
      if (!word.starts_with("--")) {
        list.emplace_back("FILE", word);
      } else if (i + 1 < argc) {
        list.emplace_back(word.substr(2), argv[++i]);
      }
    }
  }
  [[nodiscard]] std::string get(std::string_view key) const {
    for (const auto& [name, value] : list) {
      if (name == key) {
        return value;
      }
    }
    return {};
  }
  [[nodiscard]] int number(std::string_view key) const {
    const std::string value = get(key);
    // NOLINTNEXTLINE(cert-err34-c): our own words
    return value.empty() ? -1 : std::atoi(value.c_str());
  }
};

void hold(const Options& options) {
  if (const int fd = options.number("lifeline-fd"); fd >= 0 && !sluice::hold_lifeline(fd)) {
    std::_Exit(8);
  }
}

int serve(const Options& options) {
  ServeSettings settings;
  for (const auto& [name, value] : options.list) {
    std::string key = name == "FILE" ? "file" : name;
    for (char& c : key) {
      c = c == '-' ? '_' : c;
    }
    for (const auto& entry : sluice::cluster::text_keys()) {
      if (entry.key == key) {
        settings.*(entry.member) = value;
      }
    }
    for (const auto& entry : sluice::cluster::number_keys()) {
      if (entry.key == key) {
        settings.*(entry.member) = std::stoll(value);
      }
    }
  }
  const auto complete = sluice::cluster::complete(settings);
  if (!complete) {
    static_cast<void>(std::fprintf(stderr, "sluice serve: %s\n", complete.error().detail.c_str()));
    return 1;
  }
  return sluice::cluster::run_serve(*complete);
}

int node(const Options& options) {
  sluice::cluster::NodeOptions node;
  node.gateway = options.get("gateway");
  node.lifeline = options.number("lifeline-fd");
  node.status = options.number("status-fd");
  node.drain_limit = std::chrono::seconds(options.number("drain-limit"));
  for (const auto& [name, value] : options.list) {
    if (name == "model") {
      node.repository.what.files.push_back(*sluice::cluster::model_of_argument(value));
    }
  }
  return sluice::cluster::run_node(node);
}

// One request a connection: ready at once, any model is the add model.
void answer(int connection) {
  std::string request;
  char part[1024];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(connection, part, sizeof part, 0);
    if (count <= 0) {
      return;
    }
    request.append(part, static_cast<std::size_t>(count));
  }
  const bool unready = behaviour("SLUICE_FAKE_GATEWAY") == "unready";
  const bool metadata = request.starts_with("GET /v2/models/");
  const std::string body =
      metadata ? R"({"inputs":[{"name":"a","datatype":"FP32","shape":[-1,4]}]})" : "{}";
  const std::string reply =
      std::string("HTTP/1.1 ") + (unready ? "503" : "200") +
      " X\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  static_cast<void>(::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL));
}

// Has the node run the newest version of each model that it has told of.
void assign_newest(sluice::test::FakeControl& control, std::uint64_t sequence) {
  std::vector<sluice::link::AssignedWorker> workers;
  for (const sluice::link::ModelFound& model : control.repository()->models) {
    if (!model.versions.empty()) {
      const sluice::link::VersionFound& newest = model.versions.back();
      workers.push_back({.worker_id = "node/" + model.name + "/" + std::to_string(newest.number),
                         .model = model.name,
                         .version = newest.number,
                         .stamp = newest.stamp});
    }
  }
  control.assign(sequence, std::move(workers));
}

int gateway(const Options& options) {
  hold(options);
  if (behaviour("SLUICE_FAKE_GATEWAY") == "exits") {
    return 9;
  }
  const std::string fds = options.get("listen-fd");  // "http:FD,..."; the first will do
  // NOLINTNEXTLINE(cert-err34-c): our own words
  pollfd listener{.fd = std::atoi(fds.c_str() + 5), .events = POLLIN, .revents = 0};
  sluice::test::FakeControl control(options.get("run-dir"));
  int told = 0;  // repositories that were answered
  while (::poll(&listener, 1, 0) >= 0) {
    if (listener.revents != 0) {
      const int connection = ::accept(listener.fd, nullptr, nullptr);
      if (connection >= 0) {
        answer(connection);
        ::close(connection);
      }
    }
    control.pump();
    if (control.repositories() != told) {
      told = control.repositories();
      assign_newest(control, static_cast<std::uint64_t>(told));
    }
  }
  return 1;
}

int worker(const Options& options) {
  hold(options);
  const int status = options.number("status-fd");
  const std::string_view does = behaviour("SLUICE_FAKE_WORKER");
  static_cast<void>(std::fprintf(stderr, "holds its lifeline\n"));
  sluice::write_line(status, "state", "loading");
  if (does == "load_fails") {
    sluice::write_line(status, "failed", options.get("FILE") + ": not an ONNX file");
    return 3;
  }
  if (does == "crashes") {
    std::abort();
  }
  if (does == "deaf") {
    static_cast<void>(std::signal(SIGTERM, SIG_IGN));
    static_cast<void>(std::fprintf(stderr, "deaf from now on\n"));
  }
  for (int line = 0; does == "floods" && line < 200'000; ++line) {
    static_cast<void>(std::fprintf(stderr, "line %d\n", line));
  }
  sluice::write_line(status, "state", "ready");
  while (true) {
    ::pause();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "serve") {
    return serve(options);
  }
  if (command == "node") {
    return node(options);
  }
  if (command == "gateway") {
    return gateway(options);
  }
  return command == "worker" ? worker(options) : 2;
}
