// What Highway asks of its library, defined here instead, so that it is headers alone to us:
// loading libhwy runs the benchmark of a clock (nanobenchmark.cc of Highway 1.0.3), 4 ms of a CPU
// in every worker that starts beside requests under way.

#include "worker/engine/machine/cpu_targets.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include <hwy/highway.h>
#if HWY_ARCH_X86
#include <cpuid.h>
#endif

namespace sluice::engine {
namespace {

// SLUICE_MAX_SIMD: nothing better is used than what is named.
struct Limit {
  std::string_view name;
  bool avx2 = true;
  bool avx3 = true;
};

constexpr Limit kLimits[] = {{"SSE4", false, false}, {"AVX2", true, false}, {"AVX512", true, true}};

std::string_view wanted_limit() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment of a running worker.
  const char* name = std::getenv("SLUICE_MAX_SIMD");
  return name == nullptr ? "AVX512" : name;
}

const Limit* find_limit(std::string_view name) {
  const auto* found = std::ranges::find(kLimits, name, &Limit::name);
  return found == std::end(kLimits) ? nullptr : found;
}

#if HWY_ARCH_X86
// Conversion of halves. clang 14 has no word for it in __builtin_cpu_supports; whether the system
// keeps the wide registers is asked with AVX2.
bool has_f16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

}  // namespace

Result<void> check_cpu_limit() {
  const std::string_view name = wanted_limit();
  if (find_limit(name) == nullptr) {
    return Error{ErrorCode::invalid_argument,
                 "SLUICE_MAX_SIMD is '" + std::string(name) + "': SSE4, AVX2 and AVX512 are known"};
  }
  return {};
}

}  // namespace sluice::engine

// NOLINTBEGIN: declared by Highway's targets.h and base.h, in its style.
namespace hwy {

// The targets of HWY_TARGETS that this CPU and its system have; the instructions of each are those
// of Highway's set_macros-inl.h.
int64_t SupportedTargets() {
  int64_t targets = HWY_STATIC_TARGET;
#if HWY_ARCH_X86
  __builtin_cpu_init();
  const bool ssse3 = __builtin_cpu_supports("ssse3");
  const bool sse4 = ssse3 && __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("aes") &&
                    __builtin_cpu_supports("pclmul");
  const sluice::engine::Limit* limit = sluice::engine::find_limit(sluice::engine::wanted_limit());
  const bool avx2 = limit != nullptr && limit->avx2 && sse4 && __builtin_cpu_supports("avx2") &&
                    __builtin_cpu_supports("fma") && sluice::engine::has_f16c() &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool avx3 = avx2 && limit->avx3 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd");
  targets |= (ssse3 ? HWY_SSSE3 : 0) | (sse4 ? HWY_SSE4 : 0) | (avx2 ? HWY_AVX2 : 0) |
             (avx3 ? HWY_AVX3 : 0);
#endif
  return targets;
}

ChosenTarget& GetChosenTarget() {
  static ChosenTarget chosen;
  return chosen;
}

void Abort(const char* file, int line, const char* format, ...) {
  static_cast<void>(std::fprintf(stderr, "%s:%d: ", file, line));
  va_list arguments;
  va_start(arguments, format);
  static_cast<void>(std::vfprintf(stderr, format, arguments));
  va_end(arguments);
  static_cast<void>(std::fputc('\n', stderr));
  std::abort();
}

}  // namespace hwy
// NOLINTEND
