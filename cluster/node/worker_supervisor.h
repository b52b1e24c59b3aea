// What a node does about each worker process it is to keep alive: start it, start it again after a
// death (at once or after a back-off), give up, retire it, drain all. Pure: no processes, no clock.
//
// When a death is followed by a new life is RestartRule's to say, for each worker by itself. While
// draining nothing is started; what still lives at the drain's limit is killed. A retired worker is
// drained by itself and forgotten once it has ended; asked for again before that, it begins a new
// life after its end.
//
// Memory (worker_memory.cc). What all workers may take together has a limit. A worker counts with
// the size of its files until one of its build has said ready on this node, and from then on with
// the most that one took until then. One for which there is no room waits while others end, and is
// refused otherwise.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/link/control_messages.h"
#include "common/process/restart_rule.h"
#include "common/process/spawn.h"

namespace sluice::cluster {

using link::WorkerReport;
using link::WorkerState;

// One worker that shall live.
struct WorkerSpec {
  std::string id{};  // unique on this node and the same over restarts
  std::string model{};
  std::int64_t version = 1;
  std::string stamp{};   // of what is meant on disk; empty: whatever is there
  std::string config{};  // JSON instead of the configuration on disk; empty: none
  // Of the node's CPUs, as in link::AssignedWorker.
  std::uint32_t share = 0;
  std::uint32_t shares = 0;

  friend bool operator==(const WorkerSpec&, const WorkerSpec&) = default;
};

// To be done by the shell, in this order.
struct StartWorker {
  std::string id;
  friend bool operator==(const StartWorker&, const StartWorker&) = default;
};
struct SignalWorker {
  std::string id;
  int signal = 0;
  friend bool operator==(const SignalWorker&, const SignalWorker&) = default;
};
using SupervisorAction = std::variant<StartWorker, SignalWorker>;
using SupervisorActions = std::vector<SupervisorAction>;

// How a life ended.
struct WorkerEnd {
  ProcessExit exit;
  std::string words;         // what the worker said of it; may be empty
  bool load_failed = false;  // it said that its model cannot be loaded
};

// "killed by signal 9 (SIGKILL)", "exit code 3: model.onnx: no such file".
std::string reason_of(const WorkerEnd& end);

class WorkerSupervisor {
 public:
  // Asks for a worker. One that lives or is being started again is left as it is, by whatever spec,
  // but that its next life has the new share of CPUs; one that was refused is tried again by this
  // one.
  SupervisorActions desire(WorkerSpec spec);
  // Ends a worker that there is: SIGTERM, SIGKILL at `kill_at`.
  SupervisorActions retire(std::string_view id, TimePoint kill_at);
  // These are all that shall live: retires the others, then desires them in order. Nothing while
  // draining.
  SupervisorActions assign(std::vector<WorkerSpec> specs, TimePoint kill_at);

  // The process of a StartWorker runs, or could not be made (counts as an early death).
  SupervisorActions on_started(std::string_view id, std::uint32_t pid);
  SupervisorActions on_start_failed(std::string_view id, const std::string& reason, TimePoint now);
  // What it is to serve is not there (any more): failed until retry_refused() or desire().
  void on_refused(std::string_view id, const std::string& reason);
  SupervisorActions retry_refused();
  // What all workers may take together, bytes; 0, as before it is called: no limit. `node` is for
  // reasons.
  void limit_memory(std::uint64_t bytes, std::string node);
  // To be asked before a StartWorker is done; `estimate` in bytes. wait: a later StartWorker asks
  // again. refused: as by on_refused().
  enum class Admission : std::uint8_t { start, wait, refused };
  Admission admit(std::string_view id, std::uint64_t estimate);
  // It is about to say ready, and this is the most that its process took. The first of its build
  // for which that is too much is ended and refused; its ready does not count then.
  SupervisorActions on_measured(std::string_view id, std::uint64_t peak);
  [[nodiscard]] std::uint64_t memory_taken() const;  // by all workers, bytes

  // What the worker says of itself: loading, warming, ready, draining.
  void on_state(std::string_view id, WorkerState state, TimePoint now);
  SupervisorActions on_exit(std::string_view id, const WorkerEnd& end, TimePoint now);

  // SIGTERM to all, no starts from now on, SIGKILL to what lives at `kill_at`.
  SupervisorActions drain(TimePoint kill_at);
  // SIGKILL to all that live, now.
  SupervisorActions kill_all();

  // What is due at `now`; next_due() says when to ask again.
  SupervisorActions due(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_due() const;

  [[nodiscard]] const WorkerSpec& spec(std::string_view id) const;
  [[nodiscard]] const std::string& reason(std::string_view id) const;
  // In an earlier life: requests may wait for this one.
  [[nodiscard]] bool was_ready(std::string_view id) const;
  // Sorted by id.
  [[nodiscard]] std::vector<WorkerReport> reports(TimePoint now) const;
  [[nodiscard]] bool draining() const noexcept { return kill_at_.has_value(); }
  [[nodiscard]] bool any_alive() const noexcept;

 private:
  struct Worker {
    WorkerSpec spec;
    WorkerState state = WorkerState::starting;
    bool alive = false;  // has a process, or a StartWorker is on its way
    std::uint32_t pid = 0;
    std::uint32_t restarts = 0;
    bool was_ready = false;
    std::uint32_t kills = 0;
    std::uint32_t crashes = 0;
    RestartRule rule;
    TimePoint restart_at{};  // while backing_off
    std::string reason;
    bool refused = false;               // failed by on_refused(), or unfit
    bool waits = false;                 // for the memory of others
    bool unfit = false;                 // takes more than there is: being ended for it
    std::uint64_t memory = 0;           // bytes it counts with; 0: not admitted yet
    bool retired = false;               // forgotten at its end
    std::optional<TimePoint> kill_at;   // of a retired one that lives
    std::optional<WorkerSpec> revival;  // of a retired one: asked for again
  };

  Worker& find(std::string_view id);
  SupervisorActions begin(std::string id, WorkerSpec spec);
  SupervisorActions restart(Worker& worker);
  void count_end(Worker& worker, const ProcessExit& exit) const;
  SupervisorActions after_death(Worker& worker, bool load_failed, TimePoint now);
  SupervisorActions after_retirement(const Worker& worker);

  struct MemoryTaken {
    std::uint64_t staying = 0;  // bytes
    std::uint64_t leaving = 0;  // by workers that are being ended
  };
  [[nodiscard]] MemoryTaken taken_beside(std::string_view id) const;
  [[nodiscard]] std::string too_much(std::uint64_t needs,
                                     std::uint64_t taken,
                                     std::string_view how) const;
  SupervisorActions start_waiting();

  std::map<std::string, Worker, std::less<>> workers_;
  std::optional<TimePoint> kill_at_;  // set: draining
  bool killed_ = false;
  std::uint64_t memory_limit_ = 0;  // 0: none
  std::string node_;
  std::map<std::string, std::uint64_t> measured_;  // by build, bytes
};

}  // namespace sluice::cluster
