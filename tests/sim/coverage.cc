// Coverage: what happened, added up.

#include "tests/sim/oracle.h"

namespace sluice::sim {

void Coverage::add(const gateway::RouteCounters& counters) {
  delivered += counters.delivered;
  retries_running += counters.retries_running;
  retries_waiting += counters.retries_waiting;
  retries_suspicion += counters.retries_suspicion;
  budget_exhausted += counters.budget_exhausted;
  late_replies += counters.late_replies;
  quarantined += counters.quarantined;
  quarantine_hits += counters.quarantine_hits;
  queue_full += counters.queue_full;
  queue_timeouts += counters.queue_timeouts;
  cancels_sent += counters.cancels_sent;
  cancelled += counters.cancelled;
  expired += counters.expired;
  suspicions += counters.suspicions;
  ejections += counters.ejections;
}

void Coverage::add(const Coverage& other) {
  requests += other.requests;
  delivered += other.delivered;
  retries_running += other.retries_running;
  retries_waiting += other.retries_waiting;
  retries_suspicion += other.retries_suspicion;
  budget_exhausted += other.budget_exhausted;
  late_replies += other.late_replies;
  quarantined += other.quarantined;
  quarantine_hits += other.quarantine_hits;
  queue_full += other.queue_full;
  queue_timeouts += other.queue_timeouts;
  cancels_sent += other.cancels_sent;
  cancelled += other.cancelled;
  expired += other.expired;
  suspicions += other.suspicions;
  ejections += other.ejections;
  broken_connections += other.broken_connections;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    faults[i] += other.faults[i];
  }
}

}  // namespace sluice::sim
