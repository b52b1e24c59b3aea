#include "tests/sim/simulation.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "tests/sim/gateway.h"
#include "tests/sim/network.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongest = 60s;  // by then everything has long been answered

class Simulation final : NetworkUser, Node {
 public:
  Simulation(std::uint64_t seed, Mutant mutant, bool print)
      : plan_(plan_of(seed)),
        random_(seed ^ 0x5EED),
        trace_(print),
        oracle_(plan_),
        network_(scheduler_, random_, *this) {
    world_ = {.plan = &plan_,
              .scheduler = &scheduler_,
              .random = &random_,
              .network = &network_,
              .oracle = &oracle_,
              .trace = &trace_,
              .node = this};
    gateway_ = std::make_unique<SimGateway>(world_, mutant);
    for (std::size_t i = 0; i < kWorkers; ++i) {
      workers_[i] = std::make_unique<SimWorker>(world_, i);
    }
  }

  Outcome run() {
    const TimePoint start = scheduler_.now();
    snapshot_ = usual_snapshot(plan_.versions);
    gateway_->start(snapshot_);
    for (const auto& worker : workers_) {
      worker->start();
    }
    for (std::uint32_t i = 0; i < plan_.questions.size(); ++i) {
      const Question& question = plan_.questions[i];
      scheduler_.at<&Simulation::ask>(start + question.at, *this, i);
      if (question.gone_at) {
        scheduler_.at<&Simulation::go_away>(start + *question.gone_at, *this, i);
      }
    }
    for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
      scheduler_.at<&Simulation::begin_fault>(start + plan_.faults[i].at, *this, i);
    }
    while (!oracle_.failed() && scheduler_.run_one(start + kLength)) {
    }
    while (!oracle_.failed() && !gateway_->idle() && scheduler_.run_one(start + kLongest)) {
    }
    if (!oracle_.failed()) {
      oracle_.finish_questions();
    }
    if (!oracle_.failed()) {
      gateway_->die();
    }
    Outcome outcome{.seed = plan_.seed,
                    .violation = oracle_.violation(),
                    .hash = trace_.hash(),
                    .coverage = gateway_->coverage()};
    for (const Fault& fault : plan_.faults) {
      ++outcome.coverage.faults[static_cast<std::size_t>(fault.kind)];
    }
    return outcome;
  }

 private:
  void ask(std::uint64_t question, std::uint64_t /*unused*/) {
    gateway_->ask(static_cast<std::uint32_t>(question));
  }
  void go_away(std::uint64_t question, std::uint64_t /*unused*/) {
    gateway_->client_gone(static_cast<std::uint32_t>(question));
  }

  void begin_fault(std::uint64_t index, std::uint64_t /*unused*/) {
    const Fault& fault = plan_.faults[index];
    const TimePoint now = scheduler_.now();
    SimWorker& worker = *workers_[fault.worker];
    const ConnectionId connection = worker.connection_to(fault.shard);
    trace_.add(now, "fault", static_cast<std::uint64_t>(fault.kind), fault.worker, fault.shard);
    switch (fault.kind) {
      case FaultKind::drop:
      case FaultKind::half_open:
        if (connection != kNoConnection) {
          if (fault.kind == FaultKind::drop || fault.to_worker) {
            network_.cut(connection, Direction::to_worker);
          }
          if (fault.kind == FaultKind::drop || !fault.to_worker) {
            network_.cut(connection, Direction::to_shard);
          }
        }
        break;
      case FaultKind::delay:
        network_.slow_down(fault.worker, fault.shard, 1s, now + fault.length);
        break;
      case FaultKind::death:
        worker.die();
        break;
      case FaultKind::stall:
        worker.stand_still();
        break;
      case FaultKind::gateway_restart:
        if (gateway_->lives()) {
          gateway_->die();
        }
        break;
      case FaultKind::drain:
        worker.leave();
        break;
      case FaultKind::slow:
        worker.slow_down(20);
        break;
      case FaultKind::routes:
        publish(fault.snapshot);
        break;
    }
    if (fault.length > Duration(0)) {
      scheduler_.at<&Simulation::end_fault>(now + fault.length, *this, index);
    }
  }

  void end_fault(std::uint64_t index, std::uint64_t /*unused*/) {
    const Fault& fault = plan_.faults[index];
    if (fault.kind == FaultKind::stall) {
      workers_[fault.worker]->go_on();
    } else if (fault.kind == FaultKind::slow) {
      workers_[fault.worker]->slow_down(1);
    } else if (fault.kind == FaultKind::gateway_restart && !gateway_->lives()) {
      gateway_->start(snapshot_);
    } else if (fault.kind == FaultKind::routes) {
      publish(usual_snapshot(plan_.versions));
    }
  }

  // A snapshot reaches each shard after a moment of its own, but never an older one after a newer.
  void publish(const Snapshot& snapshot) {
    snapshot_ = snapshot;
    snapshots_.push_back(snapshot);
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      const TimePoint at =
          std::max(scheduler_.now() + random_.between(100us, 40ms), last_snapshot_[shard]);
      last_snapshot_[shard] = at;
      scheduler_.at<&Simulation::take_snapshot>(at, *this, snapshots_.size() - 1, shard);
    }
  }
  void take_snapshot(std::uint64_t index, std::uint64_t shard) {
    trace_.add(scheduler_.now(), "snapshot", shard, index, 0);
    gateway_->take_snapshot(shard, snapshots_[index]);
  }

  void arrived(ConnectionId connection, Direction direction, const Packet& packet) override {
    if (direction == Direction::to_shard) {
      gateway_->arrived(connection, packet);
    } else {
      workers_[network_.at(connection).worker]->arrived(connection, packet);
    }
  }

  // The node's report, by way of control, to every shard.
  void worker_ended(const std::string& name,
                    const std::vector<RequestId>& running,
                    bool killed) override {
    reports_.push_back({name, running, killed});
    scheduler_.at<&Simulation::report>(
        scheduler_.now() + random_.between(500us, 40ms), *this, reports_.size() - 1);
  }
  void report(std::uint64_t index, std::uint64_t /*unused*/) {
    const Report report = reports_[index];
    trace_.add(scheduler_.now(), "report", index, report.running.size(), 0);
    gateway_->worker_ended(report.name, report.running, report.killed);
  }

  struct Report {
    std::string name;
    std::vector<RequestId> running;
    bool killed = false;
  };

  Plan plan_;
  Scheduler scheduler_;
  Random random_;
  Trace trace_;
  Oracle oracle_;
  Network network_;
  World world_;
  std::unique_ptr<SimGateway> gateway_;
  std::array<std::unique_ptr<SimWorker>, kWorkers> workers_;
  std::vector<Report> reports_;
  Snapshot snapshot_;  // control's latest
  std::vector<Snapshot> snapshots_;
  std::array<TimePoint, kShards> last_snapshot_{};
};

}  // namespace

Outcome simulate(std::uint64_t seed, Mutant mutant, bool trace) {
  return Simulation(seed, mutant, trace).run();
}

}  // namespace sluice::sim
