// How many threads this process may keep busy: what its affinity mask and its control groups allow.

#pragma once

#include <optional>

#include "common/process/control_groups.h"

namespace sluice {

// Whole CPUs by the quotas of this process's control groups and all their ancestors, version 1
// (cpu.cfs_quota_us) and 2 (cpu.max), at least 1; empty when there is no quota. A fraction is
// rounded down: a thread more than the quota would be throttled.
std::optional<int> cgroup_cpu_limit(const KernelFiles& files);

// The smallest of `wanted` (empty: all), the affinity mask and the control groups; at least 1.
int cpu_budget(std::optional<int> wanted, const KernelFiles& files = {});

}  // namespace sluice
