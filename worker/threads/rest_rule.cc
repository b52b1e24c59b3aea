#include "worker/threads/rest_rule.h"

#include <algorithm>

namespace sluice::engine {
namespace {

// A rest is the longer of its kind when the last one ended less than this many times its length
// ago.
constexpr int kRecent = 8;

}  // namespace

bool RestRule::late(int parts, Clock::duration took, Clock::duration pace) {
  return pace > Clock::duration::zero() && took > 2 * parts * pace + kSlack;
}

void RestRule::on_no_core(Clock::time_point now) {
  if (now < awake_until_) {
    return;
  }
  const bool again = now < until_ + kRecent * length_;
  length_ = again ? std::min<Clock::duration>(2 * length_, kLongest) : kShortest;
  until_ = now + length_;
}

void RestRule::on_needed(Clock::time_point now) {
  until_ = now;
  awake_until_ = now + kAwake;
}

}  // namespace sluice::engine
