// How much memory the processes of a cluster on this host take: proportional set sizes, so that
// shared pages are counted once.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"

namespace sluice::cluster {

struct MemoryUse {
  std::uint64_t pss_kb = 0;
  std::size_t processes = 0;
};

// Of the workers, their node, its `sluice serve` and everything below that. unavailable, with the
// reason, when the workers are not processes of this host or may not be looked at.
Result<MemoryUse> memory_of_cluster(std::span<const pid_t> workers,
                                    const std::string& proc = "/proc");

// "Pss:" of a smaps_rollup text. data_corrupt when it has none.
Result<std::uint64_t> pss_of(std::string_view smaps_rollup);

}  // namespace sluice::cluster
