#include "common/process/control_groups.h"

#include <algorithm>
#include <fstream>

namespace sluice {
namespace {

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == wanted) {
      return true;
    }
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

void add_up_to_root(const std::string& root,
                    std::string group,
                    bool version_2,
                    std::vector<ControlGroup>& groups) {
  while (!group.empty() && group != "/") {
    groups.push_back({root + group, version_2});
    group.resize(group.find_last_of('/'));
  }
  groups.push_back({root, version_2});
}

}  // namespace

std::vector<ControlGroup> control_groups(const KernelFiles& files, std::string_view controller) {
  std::ifstream lines(files.proc + "/self/cgroup");
  std::vector<ControlGroup> groups;
  // Lines "ID:CONTROLLERS:PATH" (cgroups(7)); version 2 has id 0 and no controllers.
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || second + 1 >= line.size() || line[second + 1] != '/') {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      add_up_to_root(files.cgroups, group, true, groups);
      add_up_to_root(files.cgroups + "/unified", group, true, groups);
    } else if (lists(controllers, controller)) {
      for (const std::string& mount : {controllers, std::string(controller)}) {
        add_up_to_root(files.cgroups + "/" + mount, group, false, groups);
      }
    }
  }
  return groups;
}

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace sluice
