#include "worker/engine/memory_bound.h"

#include <string>

#include "common/base/limits.h"
#include "common/process/memory.h"

namespace sluice::engine {

Result<void> check_memory(std::size_t bytes, std::string_view what) {
  if (bytes < limits::kUncheckedBytes) {
    return {};
  }
  const auto available = memory_available();
  if (!available || bytes <= *available) {
    return {};
  }
  return Error{ErrorCode::resource_exhausted,
               std::string(what) + " need " + std::to_string(bytes / limits::kMiB) +
                   " MB of memory, " + std::to_string(*available / limits::kMiB) +
                   " MB are available"};
}

}  // namespace sluice::engine
