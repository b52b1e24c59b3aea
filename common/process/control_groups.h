// Where the limits of this process's control groups stand. Linux, versions 1 and 2.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Where the kernel's files are; tests put their own tree here.
struct KernelFiles {
  std::string proc = "/proc";  // has self/cgroup
  std::string cgroups = "/sys/fs/cgroup";
};

struct ControlGroup {
  std::string folder;
  bool version_2 = false;
};

// The group that `controller` ("cpu", "memory") has this process in, and all its ancestors, for
// each place where it may be mounted. Not all of the folders need exist. In a container the group's
// path may not exist under the mount; its root then is the container's own group.
std::vector<ControlGroup> control_groups(const KernelFiles& files, std::string_view controller);

// Empty when it cannot be read.
std::string first_line_of(const std::string& path);

}  // namespace sluice
