#include "cluster/node/node_repository.h"

#include <algorithm>
#include <utility>

#include "cluster/node/repository_view.h"
#include "common/base/limits.h"

namespace sluice::cluster {

bool NodeRepository::update(bool changed, TimePoint now) {
  began_ = began_.value_or(now);
  const bool first =
      !known_ && !watch_.view().error && (watch_.settled() || now >= *began_ + limits::kFirstLook);
  known_ = known_ || first;
  news_ = news_ || first || (known_ && changed);
  return first || (known_ && changed);
}

bool NodeRepository::tick(TimePoint now) {
  const bool changed = watch_.tick(now);
  return update(changed, now);
}

bool NodeRepository::look(std::uint64_t sequence, TimePoint now) {
  asked_ = std::max(asked_, sequence);
  asked_until_ = now + limits::kLookAnswer;
  return update(watch_.look_now(now), now);
}

std::optional<TimePoint> NodeRepository::next_due() const {
  std::optional<TimePoint> next = watch_.next_tick();
  const auto at = [&next](TimePoint time) { next = std::min(next.value_or(time), time); };
  if (!known_ && began_ && !watch_.view().error) {
    at(*began_ + limits::kFirstLook);
  }
  if (asked_ != 0) {
    at(asked_until_);
  }
  return next;
}

void NodeRepository::on_attached() {
  news_ = known_;
  asked_ = 0;
  looked_ = 0;
  sequence_ = 0;
}

std::optional<link::Repository> NodeRepository::take_report(TimePoint now) {
  const bool answer =
      asked_ != 0 && (watch_.settled() || watch_.view().error || now >= asked_until_);
  if (answer) {
    looked_ = std::exchange(asked_, 0);
  }
  if (!known_ || !(news_ || answer)) {
    return std::nullopt;
  }
  news_ = false;
  link::Repository report = describe(watch_.view());
  report.sequence = ++sequence_;
  report.looked = looked_;
  return report;
}

}  // namespace sluice::cluster
