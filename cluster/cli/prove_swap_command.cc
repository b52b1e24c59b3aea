// `sluice prove-swap`: swaps under load on a running cluster, and what its clients felt.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "cluster/cli/commands.h"
#include "cluster/prove/prover.h"
#include "cluster/prove/report.h"
#include "common/base/limits.h"
#include "common/process/unique_fd.h"

namespace sluice::cluster {

namespace {

struct ProveSwapOptions {
  ProveOptions prove;
  double seconds = 2;
  std::optional<std::int64_t> timeout_ms;
  bool json = false;
};

// The first SIGINT or SIGTERM can be read from it; from then on they end the process as ever.
class Interrupts {
 public:
  Interrupts() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    static_cast<void>(::pthread_sigmask(SIG_BLOCK, &set, &before_));
    fd_ = UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts() { release(); }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void release() {
    signalfd_siginfo taken{};
    static_cast<void>(::read(fd_.get(), &taken, sizeof taken));
    static_cast<void>(::pthread_sigmask(SIG_SETMASK, &before_, nullptr));
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

class OnStderr final : public Progress {
 public:
  explicit OnStderr(Interrupts& interrupts) : interrupts_(interrupts) {}
  void say(const std::string& line) override {
    static_cast<void>(std::fprintf(stderr, "sluice prove-swap: %s\n", line.c_str()));
  }
  void interrupted() override {
    interrupts_.release();
    say("putting the model back; once more ends at once");
  }

 private:
  Interrupts& interrupts_;
};

}  // namespace

void add_prove_swap_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<ProveSwapOptions>();
  CLI::App* command = app.add_subcommand(
      "prove-swap", "Swap a model's versions under load and print what its clients felt");
  command->add_option("model", options->prove.model, "The model's name")->required();
  command->add_option("--url", options->prove.url, "Where the server listens")
      ->capture_default_str();
  command
      ->add_option(
          "--swaps", options->prove.swaps, "How many swaps between two versions; 0: load alone")
      ->check(CLI::Range(std::size_t{0}, limits::kProveSwaps))
      ->capture_default_str();
  command
      ->add_option("--rate",
                   options->prove.rate,
                   "Requests a second, whether answered or not (default: half of what the cluster "
                   "answers at most, measured first)")
      ->check(CLI::Range(0.1, 1e6));
  command->add_option("--connections", options->prove.connections, "Kept open, one request each")
      ->check(CLI::Range(std::size_t{1}, limits::kProveConnections))
      ->capture_default_str();
  command
      ->add_option(
          "--seconds", options->seconds, "Load without swaps, before each swap and at the end")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  command
      ->add_option("--timeout",
                   options->timeout_ms,
                   "Deadline of a request in milliseconds (default: 30000)")
      ->check(CLI::Range(std::int64_t{1},
                         std::int64_t{std::chrono::milliseconds(limits::kMaxDeadline).count()}));
  command
      ->add_option("--input",
                   options->prove.inputs,
                   "[NAME=]VALUE or [NAME=]@FILE, as of `sluice infer` (default: generated)")
      ->allow_extra_args(false)
      ->type_name("INPUT");
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "It needs the cluster's admin paths. The model is put back as it was, also after Ctrl-C.\n"
      "Exits with 0 when every request was answered once, by a version that was routed to, and "
      "the\n"
      "99th percentile during swaps is within max(1.2, 95 % bound of the A/A control) of the "
      "quiet\n"
      "one; with 1 otherwise.");
  command->callback([options, &exit_code] {
    options->prove.quiet =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options->seconds));
    if (options->timeout_ms) {
      options->prove.timeout = std::chrono::milliseconds(*options->timeout_ms);
    }
    static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL));  // requests are sent in time
    Interrupts interrupts;
    OnStderr progress(interrupts);
    const Result<Findings> findings = prove_swap(options->prove, interrupts.fd(), progress);
    if (!findings) {
      static_cast<void>(
          std::fprintf(stderr, "sluice prove-swap: %s\n", findings.error().detail.c_str()));
      exit_code.value = kExitFailure;
      return;
    }
    const std::string text = options->json ? report_json(*findings) : report_text(*findings);
    if (std::fputs(text.c_str(), stdout) < 0 || !objections(*findings).empty()) {
      exit_code.value = kExitFailure;
    }
  });
}

}  // namespace sluice::cluster
