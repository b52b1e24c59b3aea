// How much memory this process takes and how much more the machine and its control groups have.
// Reads files of the kernel: tens of microseconds, not for every request.

#pragma once

#include <cstdint>
#include <optional>

#include "common/process/control_groups.h"

namespace sluice {

struct MemoryUse {
  std::uint64_t share = 0;  // bytes: resident, pages shared with others divided by their number
  std::uint64_t peak = 0;   // bytes: the most that was ever resident, shared pages whole
};

// Of this process; zeros where the kernel does not say.
MemoryUse memory_use(const KernelFiles& files = {});

// Bytes that can be had without driving others out: the least of the machine's MemAvailable and
// what is left in each control group, where file pages that can be dropped count as free. Empty
// when nothing says.
std::optional<std::uint64_t> memory_available(const KernelFiles& files = {});

}  // namespace sluice
