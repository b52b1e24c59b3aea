// ErrorCode -> HTTP status, one table per protocol. No other file chooses a status for an Error.

#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace sluice::gateway {

enum class Protocol : std::uint8_t {
  kserve_v2,  // and everything else that answers JSON
  graphpipe,
};

int http_status(Protocol protocol, ErrorCode code) noexcept;

}  // namespace sluice::gateway
