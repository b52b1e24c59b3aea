#include "cluster/prove/routes.h"

#include <algorithm>
#include <utility>

namespace sluice::cluster {

Routes::Routes(std::int64_t served, TimePoint sent) : served_(served), unknown_from_(sent) {}

void Routes::on_same(TimePoint sent) {
  unknown_from_ = std::max(unknown_from_, sent);
}

void Routes::on_joined(std::int64_t to, TimePoint sent) {
  if (to != served_ && !(joined_ && joined_->version == to)) {
    end_joined(sent);
    joined_ = Span{to, unknown_from_, TimePoint::max()};
  }
  on_same(sent);
}

void Routes::end_joined(TimePoint received) {
  if (joined_) {
    joined_->until = received;
    ended_.push_back(*std::exchange(joined_, std::nullopt));
  }
}

void Routes::on_switched(std::int64_t to, TimePoint sent, TimePoint received) {
  if (to != served_) {
    ended_.push_back({served_, served_from_, received});
    served_ = to;
    served_from_ = unknown_from_;
    if (joined_ && joined_->version == to) {
      served_from_ = joined_->from;
      joined_.reset();
    }
  }
  end_joined(received);
  on_same(sent);
}

void Routes::on_back(std::int64_t to, TimePoint sent, TimePoint received) {
  on_joined(to, sent);
  end_joined(received);
}

Routes::Verdict Routes::judge(std::int64_t version, TimePoint sent, TimePoint answered) const {
  const auto meets = [&](const Span& span) {
    return span.version == version && span.from <= answered && sent <= span.until;
  };
  if (meets({served_, served_from_, TimePoint::max()}) || (joined_ && meets(*joined_)) ||
      std::any_of(ended_.rbegin(), ended_.rend(), meets)) {
    return Verdict::right;
  }
  return answered >= unknown_from_ ? Verdict::undecided : Verdict::wrong;
}

}  // namespace sluice::cluster
