#include "common/process/cpu_budget.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <sched.h>

namespace sluice {

namespace {

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
  const std::string line = first_line_of(folder + "/cpu.max");  // "QUOTA PERIOD" or "max PERIOD"
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) {
    return std::nullopt;
  }
  return whole_cpus(std::string_view(line).substr(0, space),
                    std::string_view(line).substr(space + 1));
}

std::optional<int> limit_of_v1(const std::string& folder) {
  return whole_cpus(first_line_of(folder + "/cpu.cfs_quota_us"),
                    first_line_of(folder + "/cpu.cfs_period_us"));
}

std::optional<int> smaller(std::optional<int> a, std::optional<int> b) {
  if (!a || !b) {
    return a ? a : b;
  }
  return std::min(*a, *b);
}

}  // namespace

std::optional<int> cgroup_cpu_limit(const KernelFiles& files) {
  std::optional<int> least;
  for (const ControlGroup& group : control_groups(files, "cpu")) {
    least = smaller(least, group.version_2 ? limit_of_v2(group.folder) : limit_of_v1(group.folder));
  }
  return least;
}

int cpu_budget(std::optional<int> wanted, const KernelFiles& files) {
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
