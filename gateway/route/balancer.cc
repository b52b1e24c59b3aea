#include "gateway/route/balancer.h"

#include <algorithm>

#include "common/base/check.h"
#include "gateway/route/request_id.h"

namespace sluice::gateway {
namespace {

// Rounds of executions until one more request is done: those before it, and its own.
std::int64_t rounds(const Candidate& candidate) noexcept {
  return candidate.outstanding / std::max(candidate.executors, 1U) + 1;
}

}  // namespace

bool sooner(const Candidate& a, const Candidate& b) noexcept {
  std::int64_t service_a = a.estimate.count();
  std::int64_t service_b = b.estimate.count();
  if (service_a == 0 || service_b == 0) {
    service_a = 1;
    service_b = 1;
  }
  const std::int64_t done_a = rounds(a) * service_a;
  const std::int64_t done_b = rounds(b) * service_b;
  return done_a != done_b ? done_a < done_b : a.outstanding < b.outstanding;
}

std::uint64_t Balancer::random() {
  state_ += 0x9E3779B97F4A7C15U;
  return mix(state_);
}

std::uint32_t Balancer::choose(std::span<const Candidate> candidates) {
  SLUICE_CHECK(!candidates.empty());
  if (candidates.size() == 1) {
    return candidates.front().key;
  }
  const std::uint64_t dice = random();
  const std::uint64_t count = candidates.size();
  const std::size_t first = (dice >> 32) % count;
  std::size_t second = (dice & 0xFFFF'FFFFU) % (count - 1);
  second += second >= first ? 1 : 0;
  const Candidate& a = candidates[first];
  const Candidate& b = candidates[second];
  return sooner(b, a) ? b.key : a.key;
}

}  // namespace sluice::gateway
