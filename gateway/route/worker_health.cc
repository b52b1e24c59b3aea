#include "gateway/route/worker_health.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr int kSmoothing = 8;  // an estimate follows the last dozen executions
constexpr std::uint32_t kFailuresToEject =
    5;  // in a row; one bad request of a client is not enough
constexpr std::uint32_t kSamplesToJudge = 16;
constexpr int kSlowFactor = 4;
// Below this much more than the others, noise of a shared machine and not worth losing a worker.
constexpr Duration kSlowMargin = 2ms;
constexpr Duration kFirstEjection = 1s;
constexpr std::uint32_t kDoublings = 5;  // 32 s at most
constexpr Duration kForgivenAfter = 60s;

}  // namespace

void WorkerHealth::succeeded(Duration service) noexcept {
  failures_in_a_row_ = 0;
  if (service <= Duration::zero()) {
    return;
  }
  estimate_ = samples_ == 0 ? service : estimate_ + (service - estimate_) / kSmoothing;
  samples_ = std::min(samples_ + 1, kSamplesToJudge);
}

bool WorkerHealth::failing() const noexcept {
  return failures_in_a_row_ >= kFailuresToEject;
}

bool WorkerHealth::slow(Duration best_of_others) const noexcept {
  return samples_ >= kSamplesToJudge && best_of_others > Duration::zero() &&
         estimate_ > best_of_others * kSlowFactor && estimate_ - best_of_others > kSlowMargin;
}

void WorkerHealth::eject(TimePoint now) noexcept {
  if (ejected_until_ != TimePoint::min() && now - ejected_until_ > kForgivenAfter) {
    ejections_ = 0;
  }
  ejected_until_ = now + kFirstEjection * (1 << std::min(ejections_, kDoublings));
  ++ejections_;
  estimate_ = Duration::zero();
  samples_ = 0;
  failures_in_a_row_ = 0;
}

}  // namespace sluice::gateway
