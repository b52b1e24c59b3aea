// The elements of a tensor one by one, for printing. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::cluster {

// The elements of a string tensor: per element a uint32 length and the bytes. data_corrupt when
// they do not make exactly `count`. The views are valid as long as `bytes`.
Result<std::vector<std::string_view>> split_strings(std::span<const std::byte> bytes,
                                                    std::int64_t count);

// The value of element `index` of a numeric or boolean tensor whose size has been checked; rounded
// where 64-bit integers exceed a double.
double number_at(const NamedTensor& tensor, std::size_t index);

// The first `most` elements as JSON texts: numbers, true, false, strings in quotes; NaN, Infinity
// and -Infinity as bare words, as the server writes them. The tensor's size has been checked.
std::vector<std::string> element_texts(const NamedTensor& tensor, std::size_t most);

// IEEE half and bfloat16 bits as float.
float float_from_half(std::uint16_t bits) noexcept;
float float_from_bfloat(std::uint16_t bits) noexcept;

}  // namespace sluice::cluster
