// Runs on: the node's loop.
// Receives: from each worker process: its end (pidfd), its states and stderr (pipes);
//           from the gateway's control endpoint: welcome, heartbeat, bye, look, assignment;
//           from its repository: that something in it has changed (inotify).
// Sends:    node_hello, node_report, worker_died, repository (to control); lines on the status pipe
//           (to the parent); signals (to workers).

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <zmq.hpp>

#include "cluster/node/attach.h"
#include "cluster/node/kept_plans.h"
#include "cluster/node/node_main.h"
#include "cluster/node/node_repository.h"
#include "cluster/node/output_relay.h"
#include "cluster/node/worker_process.h"
#include "cluster/node/worker_supervisor.h"
#include "common/actor/loop.h"
#include "common/link/control_messages.h"

namespace sluice::cluster {

class NodeActor {
 public:
  // `on_ended` is called when a drain is over: no worker lives any more.
  NodeActor(const NodeOptions& options,
            actor::Loop& loop,
            zmq::context_t& context,
            std::function<void()> on_ended);

  // Opens the link and looks at the repository. invalid_argument: the gateway's endpoint is
  // malformed.
  Result<void> start(TimePoint now);

  // SIGTERM or SIGINT: the first drains, the second kills; a node with a parent leaves that to it,
  // since a service manager's signal to all processes comes before the parent's own.
  void on_signal(TimePoint now);

 private:
  // One worker process with what the loop watches of it.
  struct Life {
    WorkerProcess process;
    OutputRelay relay;
    ThreadShares shares;
    actor::WatchId end = 0;
    actor::WatchId states = 0;
    actor::WatchId errors = 0;
  };
  using Lives = std::map<std::string, Life, std::less<>>;

  void perform(const SupervisorActions& actions, TimePoint now);
  void start_worker(const std::string& id, TimePoint now);
  [[nodiscard]] std::vector<WorkerReport> reports(TimePoint now) const;
  void watch(const std::string& id, Life& life);
  LineReader::State read_states(const std::string& id, Life& life, TimePoint now);
  void on_end(const std::string& id, TimePoint now);

  Result<void> open_link(TimePoint now);
  bool read_link(TimePoint now);
  void on_message(const link::Message& message, TimePoint now);
  void tell_death(link::WorkerDied died, TimePoint now);

  void watch_repository(TimePoint now);
  // After each look at the repository; `changed`: it is not what it was.
  void on_looked(bool changed, TimePoint now);
  void on_look(const link::Message& message, TimePoint now);
  void on_assignment(const link::Message& message, TimePoint now);
  void tell_problems();
  void tell_repository(TimePoint now);

  // After anything that may have changed a worker: report, tell the parent, set the timer. `died`:
  // whose life has just ended, empty for none.
  void publish(TimePoint now, std::string_view died = {});
  void tell_parent(const WorkerReport& worker, bool died);
  void tell_parent_of_retired(const std::vector<WorkerReport>& workers);
  void report(const std::vector<WorkerReport>& workers);
  void on_timer(TimePoint now);

  const NodeOptions* options_;
  WorkerCommand command_;  // its threads are those of all workers together
  actor::Loop* loop_;
  zmq::context_t* context_;
  std::function<void()> on_ended_;

  std::uint64_t memory_limit_ = 0;  // 0: none
  WorkerSupervisor supervisor_;
  Lives lives_;
  struct Told {
    std::string subject;
    WorkerState state = WorkerState::unknown;
    std::uint32_t restarts = 0;
  };
  std::map<std::string, Told, std::less<>> told_;  // the parent, by worker

  NodeRepository repository_;
  KeptPlans plans_;
  bool polling_told_ = false;
  std::map<std::string, std::string> problems_told_;  // by model
  std::string disk_problem_told_;
  std::optional<std::uint64_t> assigned_;  // the last assignment's sequence on this link

  Attach attach_;
  zmq::socket_t socket_;
  actor::WatchId socket_watch_ = 0;
  std::uint64_t attach_count_ = 0;
  std::uint64_t report_sequence_ = 0;
  std::optional<std::vector<WorkerReport>> reported_;          // last; absent: a report is owed
  std::deque<std::pair<TimePoint, link::WorkerDied>> deaths_;  // of the last limits::kKeptDeaths
  actor::TimerId timer_ = 0;
};

}  // namespace sluice::cluster
