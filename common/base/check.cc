#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sluice {

void check_failed(const char* expression, const char* file, int line) noexcept {
  static_cast<void>(
      std::fprintf(stderr, "sluice: broken invariant: %s (%s:%d)\n", expression, file, line));
  std::abort();
}

}  // namespace sluice
