// The bytes of tensors as every protocol meets them: string elements, and whether an answer's bytes
// are what its shape says.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::gateway {

// internal when data and shape of a worker's tensor do not agree.
Result<void> check_output(const NamedTensor& tensor);

// invalid_argument when a bool input has a byte other than 0 and 1.
Result<void> check_bools(const InferRequest& request);

// The string element at `at`, which moves behind it. There must be one (see check_output).
std::string_view string_element(std::span<const std::byte> data, std::size_t& at);

// The same way back: length word and bytes.
void append_string_element(std::string& bytes, std::string_view text);

}  // namespace sluice::gateway
