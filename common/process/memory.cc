#include "common/process/memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace sluice {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// The number behind `key` at the start of a line.
std::optional<std::uint64_t> field(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) {
      return number_in(std::string_view(line).substr(key.size()));
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> kilobytes(const std::string& path, std::string_view key) {
  const auto value = field(path, key);
  return value ? std::optional(*value * 1024) : std::nullopt;
}

std::optional<std::uint64_t> limit_of(const ControlGroup& group) {
  return number_in(first_line_of(  // "max" is no number
      group.folder + (group.version_2 ? "/memory.max" : "/memory.limit_in_bytes")));
}

std::optional<std::uint64_t> left_in(const ControlGroup& group) {
  const bool two = group.version_2;
  const auto limit = limit_of(group);
  const auto used =
      number_in(first_line_of(group.folder + (two ? "/memory.current" : "/memory.usage_in_bytes")));
  if (!limit || !used) {
    return std::nullopt;
  }
  const auto files =
      field(group.folder + "/memory.stat", two ? "inactive_file " : "total_inactive_file ");
  const std::uint64_t taken = *used - std::min(*used, files.value_or(0));
  return *limit - std::min(*limit, taken);
}

}  // namespace

MemoryUse memory_use(const KernelFiles& files) {
  return {.share = kilobytes(files.proc + "/self/smaps_rollup", "Pss:").value_or(0),
          .peak = kilobytes(files.proc + "/self/status", "VmHWM:").value_or(0)};
}

std::uint64_t memory_peak_of(std::uint32_t pid, const KernelFiles& files) {
  return kilobytes(files.proc + "/" + std::to_string(pid) + "/status", "VmHWM:").value_or(0);
}

std::optional<std::uint64_t> memory_in_all(const KernelFiles& files) {
  std::optional<std::uint64_t> least = kilobytes(files.proc + "/meminfo", "MemTotal:");
  for (const ControlGroup& group : control_groups(files, "memory")) {
    if (const auto limit = limit_of(group)) {
      least = std::min(least.value_or(*limit), *limit);
    }
  }
  return least;
}

std::optional<std::uint64_t> memory_available(const KernelFiles& files) {
  std::optional<std::uint64_t> least = kilobytes(files.proc + "/meminfo", "MemAvailable:");
  for (const ControlGroup& group : control_groups(files, "memory")) {
    if (const auto left = left_in(group)) {
      least = std::min(least.value_or(*left), *left);
    }
  }
  return least;
}

}  // namespace sluice
