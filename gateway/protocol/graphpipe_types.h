// GraphPipe's numbers for datatypes. It has no bool: a bool travels as Uint8, one byte of 0 or 1,
// in both directions and in metadata. It has no bfloat16 at all.

#pragma once

#include <cstdint>
#include <optional>

#include "common/tensor/datatype.h"

namespace sluice::gateway::graphpipe {

inline constexpr std::uint8_t kNull = 0;

// Absent for Null and for numbers that are none.
std::optional<DataType> datatype_of(std::uint8_t type) noexcept;

// kNull for what cannot travel.
std::uint8_t type_of(DataType datatype) noexcept;

}  // namespace sluice::gateway::graphpipe
