// status_json(): what GET /sluice/status answers. Keys are documented in docs/operations.md. Pure.

#pragma once

#include <span>
#include <string>

#include "common/base/time.h"
#include "common/metrics/registry.h"
#include "gateway/control/admin_json.h"
#include "gateway/control/cluster_state.h"
#include "gateway/control/deployment_status.h"

namespace sluice::gateway {

struct StatusFacts {
  const ClusterState* state = nullptr;
  std::span<const DeploymentStatus> models;
  const metrics::Registry* registry = nullptr;
  bool ready = false;  // of the server
  Duration uptime{};
  TimePoint now{};
  Acknowledged shards;
};

std::string status_json(const StatusFacts& facts);

}  // namespace sluice::gateway
