// How many threads this process may keep busy: what its affinity mask and its control groups allow.

#pragma once

#include <optional>
#include <string>

namespace sluice {

// Where the kernel's files are; tests put their own tree here.
struct CpuBudgetFiles {
  std::string proc = "/proc";  // has self/cgroup
  std::string cgroups = "/sys/fs/cgroup";
};

// Whole CPUs by the quotas of this process's control groups and all their ancestors, version 1
// (cpu.cfs_quota_us) and 2 (cpu.max), at least 1; empty when there is no quota. A fraction is
// rounded down: a thread more than the quota would be throttled.
std::optional<int> cgroup_cpu_limit(const CpuBudgetFiles& files);

// The smallest of `wanted` (empty: all), the affinity mask and the control groups; at least 1.
int cpu_budget(std::optional<int> wanted, const CpuBudgetFiles& files = {});

}  // namespace sluice
