// Which versions of a model may have answered when: the rule by which prove-swap calls an answer
// wrong. Pure.
//
// An answer is right when its version was routed to at some moment between the sending of its
// request and the receipt of its answer. When a version was routed to is known only from outside,
// by looks at the model's rollout, whoever began it:
//   * A new version may be routed to from the sending of the last look whose answer said that
//     nothing was switched. Later than that it may have begun.
//   * The old one may be routed to until the receipt of the first look that said "switched". After
//     that it certainly is not.
// So an answer of another version that comes before a look was even sent which then says "nothing
// is switched", is wrong, and so is one of the old version to a request sent after "switched" was
// received. Until such a look is there, an answer of another version is undecided.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/time.h"

namespace sluice::cluster {

class Routes {
 public:
  enum class Verdict : std::uint8_t { right, wrong, undecided };

  // `served`: what is routed to, and has been, as a look said that was sent at `sent`.
  Routes(std::int64_t served, TimePoint sent);

  // What a look said that was sent and answered at these moments.
  // Nothing has been switched since the look before.
  void on_same(TimePoint sent);
  // Some requests may go to `to`, besides what is served.
  void on_joined(std::int64_t to, TimePoint sent);
  // All go to `to`.
  void on_switched(std::int64_t to, TimePoint sent, TimePoint received);
  // What was served still is, alone. `to` may have been routed to for a while before that.
  void on_back(std::int64_t to, TimePoint sent, TimePoint received);

  [[nodiscard]] Verdict judge(std::int64_t version, TimePoint sent, TimePoint answered) const;
  [[nodiscard]] std::int64_t served() const noexcept { return served_; }

 private:
  struct Span {
    std::int64_t version = 0;
    TimePoint from;
    TimePoint until;
  };
  void end_joined(TimePoint received);

  std::int64_t served_;
  TimePoint served_from_ = TimePoint::min();
  std::optional<Span> joined_;  // routed to besides what is served
  std::vector<Span> ended_;
  TimePoint unknown_from_;  // from here on no look has told yet
};

}  // namespace sluice::cluster
