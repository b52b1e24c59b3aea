#include "common/process/cpu_budget.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <vector>

#include <sched.h>

namespace sluice {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// Quota and period in the same unit; no limit when either is missing, "max" or negative.
std::optional<int> whole_cpus(std::string_view quota, std::string_view period) {
  const auto share = parse_number(quota);
  const auto of = parse_number(period);
  if (!share || !of || *share <= 0 || *of <= 0) {
    return std::nullopt;
  }
  return static_cast<int>(std::clamp<std::int64_t>(*share / *of, 1, 1 << 20));
}

std::optional<int> limit_of_v2(const std::string& folder) {
  const std::string line = first_line(folder + "/cpu.max");  // "QUOTA PERIOD" or "max PERIOD"
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) {
    return std::nullopt;
  }
  return whole_cpus(std::string_view(line).substr(0, space),
                    std::string_view(line).substr(space + 1));
}

std::optional<int> limit_of_v1(const std::string& folder) {
  return whole_cpus(first_line(folder + "/cpu.cfs_quota_us"),
                    first_line(folder + "/cpu.cfs_period_us"));
}

std::optional<int> smaller(std::optional<int> a, std::optional<int> b) {
  if (!a || !b) {
    return a ? a : b;
  }
  return std::min(*a, *b);
}

// The least limit of `group` and its ancestors below `root`. In a container the group's path may
// not exist under the mount; its root then is the container's own group.
template <class LimitOf>
std::optional<int> least_up_to_root(const std::string& root, std::string group, LimitOf limit_of) {
  std::optional<int> least;
  while (!group.empty() && group != "/") {
    least = smaller(least, limit_of(root + group));
    group.resize(group.find_last_of('/'));
  }
  return smaller(least, limit_of(root));
}

bool lists_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu") {
      return true;
    }
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

}  // namespace

std::optional<int> cgroup_cpu_limit(const CpuBudgetFiles& files) {
  std::ifstream groups(files.proc + "/self/cgroup");
  std::optional<int> least;
  // Lines "ID:CONTROLLERS:PATH" (cgroups(7)); version 2 has id 0 and no controllers.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || second + 1 >= line.size() || line[second + 1] != '/') {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      least = smaller(least, least_up_to_root(files.cgroups, group, limit_of_v2));
      least = smaller(least, least_up_to_root(files.cgroups + "/unified", group, limit_of_v2));
    } else if (lists_cpu(controllers)) {
      for (const std::string& mount : {controllers, std::string("cpu")}) {
        least = smaller(least, least_up_to_root(files.cgroups + "/" + mount, group, limit_of_v1));
      }
    }
  }
  return least;
}

int cpu_budget(std::optional<int> wanted, const CpuBudgetFiles& files) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  int budget = ::sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  if (const auto limit = cgroup_cpu_limit(files)) {
    budget = std::min(budget, *limit);
  }
  if (wanted) {
    budget = std::min(budget, *wanted);
  }
  return std::max(budget, 1);
}

}  // namespace sluice
