// Trace: every event of a simulation, hashed; two runs of one seed must agree in all of them.
// Printed as well when asked for.

#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "common/base/time.h"

namespace sluice::sim {

class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  // `what` is a literal; `who` and the numbers say the rest.
  void add(TimePoint now, const char* what, std::uint64_t who, std::uint64_t a, std::uint64_t b) {
    mix(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    for (const char* c = what; *c != '\0'; ++c) {
      mix(static_cast<std::uint64_t>(*c));
    }
    mix(who);
    mix(a);
    mix(b);
    if (print_) {
      const std::chrono::duration<double, std::milli> at =
          now.time_since_epoch() - std::chrono::hours(1);
      std::printf("%12.3f ms  %-18s %2llu  %llx %llu\n",
                  at.count(),
                  what,
                  static_cast<unsigned long long>(who),
                  static_cast<unsigned long long>(a),
                  static_cast<unsigned long long>(b));
    }
  }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

 private:
  // FNV-1a over 64-bit words.
  void mix(std::uint64_t word) { hash_ = (hash_ ^ word) * 0x100000001B3U; }

  bool print_;
  std::uint64_t hash_ = 0xCBF29CE484222325U;
};

}  // namespace sluice::sim
