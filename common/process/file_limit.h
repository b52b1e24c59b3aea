// How many descriptors this process may open.

#pragma once

#include <cstdint>

namespace sluice {

// Raises the soft limit, which most systems set to 1,024 for the sake of select(), to the hard one.
// Says what holds now; UINT64_MAX: no limit.
std::uint64_t raise_file_limit();

}  // namespace sluice
