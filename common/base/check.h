// SLUICE_CHECK: an invariant of our own that must hold in release builds too. Never for input from
// outside, which gets a Result.

#pragma once

namespace sluice {

// Prints the broken invariant to stderr and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace sluice

#define SLUICE_CHECK(condition)                               \
  do {                                                        \
    if (!(condition)) [[unlikely]] {                          \
      ::sluice::check_failed(#condition, __FILE__, __LINE__); \
    }                                                         \
  } while (false)
