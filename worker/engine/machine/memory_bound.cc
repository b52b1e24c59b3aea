#include "worker/engine/machine/memory_bound.h"

#include <string>

#include "common/base/limits.h"
#include "common/process/memory.h"

namespace sluice::engine {
namespace {

thread_local std::size_t tl_memory_limit = 0;

Error too_much(std::string_view what, std::size_t bytes, std::size_t most, const char* end) {
  return {ErrorCode::resource_exhausted,
          std::string(what) + " need " + std::to_string(bytes / limits::kMiB) + " MB of memory, " +
              std::to_string(most / limits::kMiB) + end};
}

}  // namespace

Result<void> check_memory(std::size_t bytes, std::string_view what) {
  if (tl_memory_limit > 0 && bytes > tl_memory_limit) {
    return too_much(what, bytes, tl_memory_limit, " MB are allowed");
  }
  if (bytes < limits::kUncheckedBytes) {
    return {};
  }
  const auto available = memory_available();
  if (!available || bytes <= *available) {
    return {};
  }
  return too_much(what, bytes, *available, " MB are available");
}

MemoryLimit::MemoryLimit(std::size_t bytes) : before_(tl_memory_limit) {
  tl_memory_limit = bytes;
}

MemoryLimit::~MemoryLimit() {
  tl_memory_limit = before_;
}

}  // namespace sluice::engine
