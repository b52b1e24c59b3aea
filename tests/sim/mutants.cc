// The dispatcher and its mutants: each is built with one rule turned off.

#include <array>

#include "gateway/route/dispatcher_deaths.h"
#include "gateway/route/dispatcher_queue.h"
#include "gateway/route/dispatcher_requests.h"
#include "gateway/route/dispatcher_versions.h"
#include "gateway/route/dispatcher_workers.h"
#include "tests/sim/shard_core.h"

namespace sluice::sim {
namespace {

using gateway::Actions;
using gateway::BasicDispatcher;
using gateway::Rules;

struct AcceptsOldAttempts : Rules {
  static constexpr bool kDiscardsOldAttempts = false;
};
struct AnswersLate : Rules {
  static constexpr bool kDropsFinished = false;
};
struct NoDeadlines : Rules {
  static constexpr bool kChecksDeadlines = false;
};
struct NoCancel : Rules {
  static constexpr bool kCancels = false;
};
struct IgnoresCredit : Rules {
  static constexpr bool kHonoursCredit = false;
};
struct UsesUnreadyWorkers : Rules {
  static constexpr bool kAvoidsNotReady = false;
};
struct UnboundedQueue : Rules {
  static constexpr bool kBoundsQueue = false;
};
struct UnboundedDeathRetries : Rules {
  static constexpr bool kBoundsDeathRetries = false;
};
struct UnboundedSuspicionRetries : Rules {
  static constexpr bool kBudgetsSuspicion = false;
};
struct SuspectsInCompany : Rules {
  static constexpr bool kIsolatesSuspects = false;
};
struct BlamesBystanders : Rules {
  static constexpr bool kSparesBystanders = false;
};
struct TakesKillsForCrashes : Rules {
  static constexpr bool kSparesKilled = false;
};
struct NoRequeue : Rules {
  static constexpr bool kRequeues = false;
};
struct UsesHeldWorkers : Rules {
  static constexpr bool kHolds = false;
};
struct KeepsWorkOfDraining : Rules {
  static constexpr bool kEmptiesDraining = false;
};

struct IgnoresPriorities : Rules {
  static constexpr bool kOrdersByLevel = false;
};
struct WaitsForEver : Rules {
  static constexpr bool kEndsWaits = false;
};

template <class R>
class Core final : public ShardCore {
 public:
  explicit Core(const gateway::DispatcherOptions& options) : core_(options) {}

  Result<RequestId> admit(const gateway::Admit& event, TimePoint now, Actions& actions) override {
    return core_.admit(event, now, actions);
  }
  void on(const gateway::ClientGone& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::WorkerAttached& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::HeartbeatArrived& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::ResultArrived& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::WorkerDraining& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::LinkLost& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::WorkerDied& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::RouteSet& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void on(const gateway::Quarantined& event, TimePoint now, Actions& actions) override {
    core_.on(event, now, actions);
  }
  void tick(TimePoint now, Actions& actions) override { core_.tick(now, actions); }
  [[nodiscard]] TimePoint next_due() const override { return core_.next_due(); }
  [[nodiscard]] bool wants_fingerprints() const override { return core_.wants_fingerprints(); }
  [[nodiscard]] bool beats(gateway::LinkKey link) const override { return core_.beats(link); }
  [[nodiscard]] bool idle() const override { return core_.idle(); }
  [[nodiscard]] bool quiet(std::string_view model, std::int64_t version) const override {
    return core_.quiet(model, version);
  }
  [[nodiscard]] const gateway::RouteCounters& counters() const override { return core_.counters(); }
  [[nodiscard]] std::vector<gateway::ModelView> models() const override { return core_.models(); }

 private:
  BasicDispatcher<R> core_;
};

using Maker = std::unique_ptr<ShardCore> (*)(const gateway::DispatcherOptions&);

template <class R>
std::unique_ptr<ShardCore> make(const gateway::DispatcherOptions& options) {
  return std::make_unique<Core<R>>(options);
}

struct Entry {
  Mutant mutant;
  const char* name;
  Maker make;
};

constexpr Entry kEntries[] = {
    {Mutant::none, "none", make<Rules>},
    {Mutant::accepts_old_attempts, "accepts_old_attempts", make<AcceptsOldAttempts>},
    {Mutant::answers_late, "answers_late", make<AnswersLate>},
    {Mutant::no_deadlines, "no_deadlines", make<NoDeadlines>},
    {Mutant::no_cancel, "no_cancel", make<NoCancel>},
    {Mutant::ignores_credit, "ignores_credit", make<IgnoresCredit>},
    {Mutant::uses_unready_workers, "uses_unready_workers", make<UsesUnreadyWorkers>},
    {Mutant::unbounded_queue, "unbounded_queue", make<UnboundedQueue>},
    {Mutant::unbounded_death_retries, "unbounded_death_retries", make<UnboundedDeathRetries>},
    {Mutant::unbounded_suspicion_retries,
     "unbounded_suspicion_retries",
     make<UnboundedSuspicionRetries>},
    {Mutant::suspects_in_company, "suspects_in_company", make<SuspectsInCompany>},
    {Mutant::blames_bystanders, "blames_bystanders", make<BlamesBystanders>},
    {Mutant::takes_kills_for_crashes, "takes_kills_for_crashes", make<TakesKillsForCrashes>},
    {Mutant::no_requeue, "no_requeue", make<NoRequeue>},
    {Mutant::uses_held_workers, "uses_held_workers", make<UsesHeldWorkers>},
    {Mutant::keeps_work_of_draining, "keeps_work_of_draining", make<KeepsWorkOfDraining>},
    {Mutant::ignores_priorities, "ignores_priorities", make<IgnoresPriorities>},
    {Mutant::waits_for_ever, "waits_for_ever", make<WaitsForEver>},
};

constexpr auto kMutants = [] {
  std::array<Mutant, std::size(kEntries) - 1> mutants{};
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    mutants[i] = kEntries[i + 1].mutant;
  }
  return mutants;
}();

}  // namespace

std::string name_of(Mutant mutant) {
  return kEntries[static_cast<std::size_t>(mutant)].name;
}

std::span<const Mutant> all_mutants() {
  return kMutants;
}

std::unique_ptr<ShardCore> make_core(Mutant mutant, const gateway::DispatcherOptions& options) {
  return kEntries[static_cast<std::size_t>(mutant)].make(options);
}

}  // namespace sluice::sim
