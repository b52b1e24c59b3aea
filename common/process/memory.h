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

// The most that was ever resident of another process, bytes; 0 where the kernel does not say.
std::uint64_t memory_peak_of(std::uint32_t pid, const KernelFiles& files = {});

// Bytes that the machine and the control groups let this process and its children have at all: the
// least of MemTotal and each group's limit. Empty when nothing says.
std::optional<std::uint64_t> memory_in_all(const KernelFiles& files = {});

// Bytes that can be had without driving others out: the least of the machine's MemAvailable and
// what is left in each control group, where file pages that can be dropped count as free. Empty
// when nothing says.
std::optional<std::uint64_t> memory_available(const KernelFiles& files = {});

}  // namespace sluice
