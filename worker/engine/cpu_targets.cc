// What Highway asks of its library, defined here instead, so that it is headers alone to us:
// loading libhwy runs the benchmark of a clock (nanobenchmark.cc of Highway 1.0.3), 4 ms of a CPU
// in every worker that starts beside requests under way.

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include <hwy/highway.h>

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
  const bool avx2 = sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx3 = avx2 && __builtin_cpu_supports("avx512f") &&
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
