// The model reader and the plan over arbitrary bytes.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/limits.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/read/reader.h"
#include "worker/engine/session.h"
#include "worker/ops/register.h"

namespace {

constexpr std::size_t kMemory = 64 * sluice::limits::kMiB;  // as the machine's, but the same on all

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto registry = [] {
    auto made = std::make_shared<sluice::engine::Registry>();
    sluice::engine::register_all(*made);
    return made;
  }();
  const sluice::engine::MemoryLimit limit(kMemory);
  auto model = sluice::engine::parse_model(std::as_bytes(std::span(data, size)), "/nonexistent");
  if (model) {
    // The scalar kernels: oneDNN's generators are slow, and not what is fuzzed.
    static_cast<void>(sluice::engine::make_session(
        *std::move(model), 1, registry, {.reference = true, .memory_bytes = kMemory}));
  }
  return 0;
}
