// ShardCore: the dispatcher under test behind one virtual interface, so that the same simulation
// runs the real one and the mutants.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/route/dispatcher.h"

namespace sluice::sim {

// What is broken on purpose. `none` is the dispatcher as the program has it.
enum class Mutant : std::uint8_t {
  none,
  accepts_old_attempts,
  answers_late,
  no_deadlines,
  no_cancel,
  ignores_credit,
  uses_unready_workers,
  unbounded_queue,
  unbounded_death_retries,
  unbounded_suspicion_retries,
  suspects_in_company,
  blames_bystanders,
  takes_kills_for_crashes,
  no_requeue,
  uses_held_workers,
  keeps_work_of_draining,
  ignores_priorities,
  waits_for_ever,
};

std::string name_of(Mutant mutant);
std::span<const Mutant> all_mutants();  // without none

class ShardCore {
 public:
  ShardCore() = default;
  ShardCore(const ShardCore&) = delete;
  ShardCore& operator=(const ShardCore&) = delete;
  virtual ~ShardCore() = default;

  virtual Result<RequestId> admit(const gateway::Admit& event,
                                  TimePoint now,
                                  gateway::Actions& actions) = 0;
  virtual void on(const gateway::ClientGone& event, TimePoint now, gateway::Actions& actions) = 0;
  virtual void on(const gateway::WorkerAttached& event,
                  TimePoint now,
                  gateway::Actions& actions) = 0;
  virtual void on(const gateway::HeartbeatArrived& event,
                  TimePoint now,
                  gateway::Actions& actions) = 0;
  virtual void on(const gateway::ResultArrived& event,
                  TimePoint now,
                  gateway::Actions& actions) = 0;
  virtual void on(const gateway::WorkerDraining& event,
                  TimePoint now,
                  gateway::Actions& actions) = 0;
  virtual void on(const gateway::LinkLost& event, TimePoint now, gateway::Actions& actions) = 0;
  virtual void on(const gateway::WorkerDied& event, TimePoint now, gateway::Actions& actions) = 0;
  virtual void on(const gateway::RouteSet& event, TimePoint now, gateway::Actions& actions) = 0;
  virtual void on(const gateway::Quarantined& event, TimePoint now, gateway::Actions& actions) = 0;
  virtual void tick(TimePoint now, gateway::Actions& actions) = 0;
  [[nodiscard]] virtual TimePoint next_due() const = 0;
  [[nodiscard]] virtual bool wants_fingerprints() const = 0;
  [[nodiscard]] virtual bool beats(gateway::LinkKey link) const = 0;
  [[nodiscard]] virtual bool idle() const = 0;
  [[nodiscard]] virtual bool quiet(std::string_view model, std::int64_t version) const = 0;
  [[nodiscard]] virtual const gateway::RouteCounters& counters() const = 0;
  [[nodiscard]] virtual std::vector<gateway::ModelView> models() const = 0;
};

std::unique_ptr<ShardCore> make_core(Mutant mutant, const gateway::DispatcherOptions& options);

}  // namespace sluice::sim
