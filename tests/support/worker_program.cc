// sluice_test_worker: run_worker() as a program of its own, so that tests of the worker need not
// the whole executable. Arguments are NAME=VALUE, after the fields of WorkerOptions.

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "worker/serve/worker_main.h"

namespace {

int number(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    static_cast<void>(std::fprintf(stderr, "not a number: %s\n", std::string(text).c_str()));
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet
    std::exit(64);
  }
  return value;
}

void set(sluice::worker::WorkerOptions& options, std::string_view name, std::string_view value) {
  if (name == "model_path") {
    options.model_path = value;
  } else if (name == "model_name") {
    options.model_name = value;
  } else if (name == "version") {
    options.version = number(value);
  } else if (name == "control") {
    options.control = value;
  } else if (name == "worker_id") {
    options.worker_id = value;
  } else if (name == "executors") {
    options.executors = number(value);
  } else if (name == "heartbeat_ms") {
    options.heartbeat_interval = std::chrono::milliseconds(number(value));
  } else if (name == "first_run_ms") {
    options.first_run_time = std::chrono::milliseconds(number(value));
  } else if (name == "plan_fd") {
    auto plan = sluice::worker::read_plan(number(value));
    if (!plan) {
      static_cast<void>(std::fprintf(stderr, "%s\n", plan.error().detail.c_str()));
      // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet
      std::exit(64);
    }
    options.plan = *std::move(plan);
  } else if (name == "suspects_fd") {
    options.suspects_fd = number(value);
  } else if (name == "lifeline_fd") {
    options.lifeline_fd = number(value);
  } else if (name == "status_fd") {
    options.status_fd = number(value);
  } else {
    static_cast<void>(std::fprintf(stderr, "unknown option: %s\n", std::string(name).c_str()));
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet
    std::exit(64);
  }
}

}  // namespace

int main(int argc, char** argv) {
  sluice::worker::WorkerOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::size_t equals = argument.find('=');
    set(options,
        argument.substr(0, equals),
        equals == std::string_view::npos ? "" : argument.substr(equals + 1));
  }
  options.plan.model_path = options.model_path;
  options.plan.model_name = options.model_name;
  options.plan.version = options.version;
  return sluice::worker::run_worker(options);
}
