// Balancer: the worker that is expected to finish a request first, between two random candidates.
// Two rather than all: shards see only their own outstanding work, and two of them that both pick
// "the best" would send everything to the same worker (Mitzenmacher 2001, the power of two
// choices).

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/time.h"

namespace sluice::gateway {

struct Candidate {
  std::uint32_t key = 0;
  std::uint32_t outstanding = 0;
  std::uint32_t executors = 1;
  Duration estimate{};  // of one execution; 0: not known yet, taken as equal to the other's
};

class Balancer {
 public:
  explicit Balancer(std::uint64_t seed) : state_(seed) {}

  // The key of the chosen one; `candidates` is not empty.
  std::uint32_t choose(std::span<const Candidate> candidates);

 private:
  std::uint64_t random();

  std::uint64_t state_;
};

// Whether `a` is expected to finish one more request before `b`. On a tie the one with less
// outstanding work.
bool sooner(const Candidate& a, const Candidate& b) noexcept;

}  // namespace sluice::gateway
