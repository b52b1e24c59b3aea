#include "cluster/node/worker_process.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include "common/base/limits.h"
#include "common/process/lifeline.h"
#include "common/process/quiet_start.h"
#include "worker/serve/suspects.h"

namespace sluice::cluster {

namespace {

constexpr std::string_view kWordsPrefix = "sluice worker: ";

}  // namespace

ThreadShares shares_of(int threads, std::uint32_t instances) {
  const int most = std::min(threads, static_cast<int>(limits::kExecutorsPerWorker));
  const int executors =
      instances == 0 ? most
                     : static_cast<int>(std::min(instances, static_cast<std::uint32_t>(most)));
  return {.executors = executors, .threads_per_executor = std::max(1, threads / executors)};
}

int threads_of_share(int cpus,
                     std::uint32_t share,
                     std::uint32_t shares,
                     std::uint32_t instances) noexcept {
  const auto all = static_cast<std::uint32_t>(std::max(cpus, 1));
  const std::uint32_t part = shares == 0 ? all : all / shares + (share < all % shares ? 1 : 0);
  return static_cast<int>(std::clamp(std::max(part, instances), 1U, all));
}

std::string worker_program_beside(const std::string& own) {
  std::string lean = own.substr(0, own.find_last_of('/') + 1) + "sluice-worker";
  std::error_code unreadable;
  return std::filesystem::is_regular_file(lean, unreadable) ? lean : own;
}

std::vector<std::string> worker_arguments(const WorkerCommand& command,
                                          const std::string& worker_id,
                                          const worker::ServingPlan& plan) {
  const ThreadShares shares = shares_of(command.threads, plan.instance_count);
  std::vector<std::string> arguments = {"worker",
                                        plan.model_path,
                                        "--name",
                                        plan.model_name,
                                        "--model-version",
                                        std::to_string(plan.version),
                                        "--gateway",
                                        command.gateway,
                                        "--id",
                                        worker_id,
                                        "--node",
                                        command.node_id,
                                        "--executors",
                                        std::to_string(shares.executors),
                                        "--threads",
                                        std::to_string(shares.threads_per_executor)};
  if (command.memory > 0) {
    arguments.insert(arguments.end(), {"--memory", std::to_string(command.memory)});
  }
  if (!command.engine_library.empty()) {
    arguments.insert(arguments.end(), {"--engine-library", command.engine_library});
  }
  if (command.test_operators) {
    arguments.emplace_back("--test-operators");
  }
  if (command.urgent) {
    arguments.emplace_back("--urgent");
  }
  return arguments;
}

Result<WorkerProcess> WorkerProcess::start(const WorkerCommand& command,
                                           const std::string& worker_id,
                                           const worker::ServingPlan& plan) {
  SLUICE_TRY_ASSIGN(const UniqueFd plan_fd, worker::write_plan(plan));
  SLUICE_TRY_ASSIGN(LifelinePipe lifeline, make_lifeline());
  SLUICE_TRY_ASSIGN(LinePipe states, make_line_pipe());
  SLUICE_TRY_ASSIGN(LinePipe errors, make_line_pipe());
  SLUICE_TRY_ASSIGN(const int suspects, worker::new_suspects_fd());
  WorkerProcess process;
  process.suspects_ = UniqueFd(suspects);
  // A node that has stopped reading must not stop its workers: their lines are lost instead.
  ::fcntl(errors.writer.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(states.writer.get(), F_SETFL, O_NONBLOCK);

  SpawnSpec spawn_spec;
  spawn_spec.program = command.program;
  spawn_spec.arguments = worker_arguments(command, worker_id, plan);
  std::vector<std::pair<const char*, int>> descriptors = {{"--lifeline-fd", lifeline.give.get()},
                                                          {"--status-fd", states.writer.get()},
                                                          {"--suspects-fd", suspects},
                                                          {"--plan-fd", plan_fd.get()}};
  UniqueFd quiet_start;
  if (!command.urgent && quiet_can_end()) {
    SLUICE_TRY_ASSIGN(quiet_start, make_quiet_start());
    descriptors.emplace_back("--quiet-start-fd", quiet_start.get());
  }
  for (const auto& [option, fd] : descriptors) {
    spawn_spec.arguments.insert(spawn_spec.arguments.end(), {option, std::to_string(fd)});
    spawn_spec.keep.push_back(fd);
  }
  spawn_spec.error_output = errors.writer.get();
  SLUICE_TRY_ASSIGN(process.child_, spawn(spawn_spec));
  if (quiet_start) {
    start_quietly(quiet_start.get(), process.child_.pid);
    process.starts_quietly_ = true;
  }
  // The child takes hold as well: a refusal here costs nothing yet.
  static_cast<void>(guard_with_lifeline(lifeline.give.get(), process.child_.pid));
  process.lifeline_ = std::move(lifeline.keep);
  process.states_ = std::move(states.reader);
  process.errors_ = std::move(errors.reader);
  return process;
}

void WorkerProcess::end_quiet_start() const {
  if (starts_quietly_) {
    end_quiet_start_of(child_.pid);
  }
}

LineReader::State WorkerProcess::read_states(const LineReader::Take& take) {
  return state_lines_.read(states_.get(), [&](std::string_view line) {
    const SplitLine split = split_line(line);
    if (split.word == "failed") {
      failure_ = split.rest;
    }
    take(line);
  });
}

LineReader::State WorkerProcess::read_errors(const LineReader::Take& take) {
  return error_lines_.read(errors_.get(), [&](std::string_view line) {
    if (line.substr(0, kWordsPrefix.size()) == kWordsPrefix) {
      error_words_ = line.substr(kWordsPrefix.size());
    }
    take(line);
  });
}

std::vector<RequestId> WorkerProcess::suspects() const {
  const Result<std::vector<RequestId>> ids = worker::read_suspects(suspects_.get());
  return ids ? *ids : std::vector<RequestId>{};
}

}  // namespace sluice::cluster
