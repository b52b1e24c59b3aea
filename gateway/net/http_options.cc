#include "gateway/net/http_options.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <unistd.h>

namespace sluice::gateway {

namespace {

// The cgroup's limit (version 2), or all of the machine's memory.
std::size_t memory_bytes() {
  const auto machine = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::size_t limit = 0;
  return file >> limit ? std::min(limit, machine) : machine;
}

}  // namespace

std::size_t default_buffered_bytes() {
  return std::min(limits::kBufferedBodyBytes, memory_bytes() / 4);
}

}  // namespace sluice::gateway
