// What the thread sanitizer must be told. libzmq is not built for it, so it cannot see that a
// pointer which comes out of a socket (or of libzmq's release of a frame) happened after it went
// in: these two state that ordering at both ends. Nothing in other builds.

#pragma once

#if defined(__SANITIZE_THREAD__)
#define SLUICE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TSAN 1
#endif
#endif

#ifdef SLUICE_TSAN
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's names.
extern "C" void __tsan_acquire(void* address);
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's names.
extern "C" void __tsan_release(void* address);
#endif

namespace sluice {

// Before `address` is handed over.
inline void state_release([[maybe_unused]] void* address) noexcept {
#ifdef SLUICE_TSAN
  __tsan_release(address);
#endif
}

// After `address` has been taken over.
inline void state_acquire([[maybe_unused]] void* address) noexcept {
#ifdef SLUICE_TSAN
  __tsan_acquire(address);
#endif
}

}  // namespace sluice
