#include "cluster/prove/memory_use.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>

namespace sluice::cluster {

namespace {

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? std::optional(std::move(text).str()) : std::nullopt;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// "pid (comm) state ppid ...": comm may hold anything.
std::optional<pid_t> parent_in(std::string_view stat) {
  const std::size_t end = stat.rfind(')');
  return end != std::string_view::npos && stat.size() > end + 4
             ? number<pid_t>(stat.substr(end + 4))
             : std::nullopt;
}

// The second word of a command line: which subcommand of `sluice` it is.
std::string subcommand(const std::string& proc, pid_t pid) {
  const std::string line =
      read_text(proc + "/" + std::to_string(pid) + "/cmdline").value_or(std::string());
  const std::size_t first = line.find('\0');
  return first == std::string::npos ? std::string() : std::string(line.c_str() + first + 1);
}

using Parents = std::map<pid_t, pid_t>;

Parents all_parents(const std::string& proc) {
  Parents parents;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(proc, ignored)) {
    const auto pid = number<pid_t>(entry.path().filename().string());
    if (!pid) {
      continue;
    }
    if (const auto stat = read_text(entry.path().string() + "/stat")) {
      if (const auto parent = parent_in(*stat)) {
        parents[*pid] = *parent;
      }
    }
  }
  return parents;
}

// The top of the tree that this worker belongs to: its node, or the `sluice serve` above that.
pid_t top_of(pid_t worker, const Parents& parents, const std::string& proc) {
  pid_t top = worker;
  for (const char* expected : {"node", "serve"}) {
    const auto parent = parents.find(top);
    if (parent == parents.end() || subcommand(proc, parent->second) != expected) {
      break;
    }
    top = parent->second;
  }
  return top;
}

void add_with_children(pid_t pid, const Parents& parents, std::set<pid_t>& found) {
  if (!found.insert(pid).second) {
    return;
  }
  for (const auto& [child, parent] : parents) {
    if (parent == pid) {
      add_with_children(child, parents, found);
    }
  }
}

}  // namespace

Result<std::uint64_t> pss_of(std::string_view text) {
  constexpr std::string_view kKey = "\nPss:";
  const std::size_t at = text.find(kKey);
  if (at != std::string_view::npos) {
    text.remove_prefix(at + kKey.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (const auto kb = number<std::uint64_t>(text)) {
      return *kb;
    }
  }
  return Error{ErrorCode::data_corrupt, "no Pss in smaps_rollup"};
}

Result<MemoryUse> memory_of_cluster(std::span<const pid_t> workers, const std::string& proc) {
  const Parents parents = all_parents(proc);
  std::set<pid_t> found;
  for (const pid_t worker : workers) {
    if (subcommand(proc, worker) != "worker") {
      return Error{ErrorCode::unavailable,
                   "worker " + std::to_string(worker) + " is no process of this host"};
    }
    add_with_children(top_of(worker, parents, proc), parents, found);
  }
  MemoryUse use;
  for (const pid_t pid : found) {
    const auto text = read_text(proc + "/" + std::to_string(pid) + "/smaps_rollup");
    if (!text) {
      return Error{ErrorCode::unavailable,
                   "process " + std::to_string(pid) + " may not be looked at"};
    }
    SLUICE_TRY_ASSIGN(const std::uint64_t kb, pss_of(*text));
    use.pss_kb += kb;
    ++use.processes;
  }
  if (use.processes == 0) {
    return Error{ErrorCode::unavailable, "no worker has a process"};
  }
  return use;
}

}  // namespace sluice::cluster
