// The version of this build, "0.1.0": in metadata answers and --version.

#pragma once

#include <string_view>

namespace sluice {

inline constexpr std::string_view kVersion = SLUICE_VERSION;

}  // namespace sluice
