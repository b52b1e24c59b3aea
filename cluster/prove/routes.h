// Which versions of a model may have answered when: the rule by which prove-swap calls an answer
// wrong. Pure.
//
// An answer is right when its version was routed to at some moment between the sending of its
// request and the receipt of its answer. When a version was routed to is known only from outside:
//   * A new version may be routed to from the sending of the last look at the rollout whose answer
//     said "not switched yet" (at first: of the order). Later than that it may have begun.
//   * The old one may be routed to until the receipt of the first look that said "switched". After
//     that it certainly is not.
// So an answer of the new version that comes before a look was even sent which then says "not yet",
// is wrong, and so is one of the old version to a request sent after "switched" was received. Until
// such a look is there, an answer of the new version is undecided.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/time.h"

namespace sluice::cluster {

class Routes {
 public:
  enum class Verdict : std::uint8_t { right, wrong, undecided };

  // `served`: what is routed to at the beginning, and has been.
  explicit Routes(std::int64_t served);

  // A rollout to this version is about to be asked for.
  void on_order(std::int64_t to, TimePoint now);
  // A look that was sent at this moment said that nothing had been switched.
  void on_not_switched(TimePoint sent);
  // A look whose answer came at this moment said that everything was switched.
  void on_switched(TimePoint received);
  // ... that the rollout had ended with the old version serving. (It may have been switched for a
  // while before that.)
  void on_rolled_back(TimePoint received);

  [[nodiscard]] Verdict judge(std::int64_t version, TimePoint sent, TimePoint answered) const;
  [[nodiscard]] bool swapping() const noexcept { return incoming_.has_value(); }
  [[nodiscard]] std::int64_t served() const noexcept { return served_; }

 private:
  struct Span {
    std::int64_t version = 0;
    TimePoint from;
    TimePoint until;  // TimePoint::max(): still
  };
  std::int64_t served_;
  std::vector<Span> spans_;       // ended, or what is served
  std::optional<Span> incoming_;  // of a rollout under way
};

}  // namespace sluice::cluster
