#include "cluster/prove/routes.h"

#include <algorithm>

#include "common/base/check.h"

namespace sluice::cluster {

Routes::Routes(std::int64_t served)
    : served_(served), spans_{{served, TimePoint::min(), TimePoint::max()}} {}

void Routes::on_order(std::int64_t to, TimePoint now) {
  SLUICE_CHECK(!incoming_);
  incoming_ = Span{to, now, TimePoint::max()};
}

void Routes::on_not_switched(TimePoint sent) {
  SLUICE_CHECK(incoming_.has_value());
  incoming_->from = std::max(incoming_->from, sent);
}

void Routes::on_switched(TimePoint received) {
  SLUICE_CHECK(incoming_.has_value());
  spans_.back().until = received;
  spans_.push_back(*incoming_);
  served_ = incoming_->version;
  incoming_.reset();
}

void Routes::on_rolled_back(TimePoint received) {
  SLUICE_CHECK(incoming_.has_value());
  incoming_->until = received;
  spans_.insert(spans_.end() - 1, *incoming_);  // what is served stays last
  incoming_.reset();
}

Routes::Verdict Routes::judge(std::int64_t version, TimePoint sent, TimePoint answered) const {
  const auto meets = [&](const Span& span) {
    return span.version == version && span.from <= answered && sent <= span.until;
  };
  if (std::any_of(spans_.rbegin(), spans_.rend(), meets)) {
    return Verdict::right;
  }
  return incoming_ && meets(*incoming_) ? Verdict::undecided : Verdict::wrong;
}

}  // namespace sluice::cluster
