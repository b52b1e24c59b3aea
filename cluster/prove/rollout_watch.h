// A model's rollouts as looks from outside show them, whoever began them: what each look means for
// the ledger. Pure.

#pragma once

#include <cstdint>
#include <optional>

#include "cluster/prove/cluster_answers.h"
#include "cluster/prove/ledger.h"
#include "common/base/time.h"

namespace sluice::cluster {

class RolloutWatch {
 public:
  // The ledger must outlive it. `first`: what a look said before the ledger began.
  RolloutWatch(Ledger& ledger, const RolloutLook& first);

  struct News {
    bool began = false;
    bool ended = false;  // maybe at once
    // What it told of rollouts is gone: the cluster's control began anew.
    bool forgotten = false;
  };
  // Sent and answered at these moments. After `forgotten` nothing is decided before `on_served` has
  // said what serves, or the next rollout from where.
  News on_look(const RolloutLook& look, TimePoint sent, TimePoint received);
  // A look at the model, when nothing of it was rolling: this is what serves.
  void on_served(std::int64_t version, TimePoint sent, TimePoint received);

  // The last one; of stage `none` when there was none.
  [[nodiscard]] const RolloutLook& last() const noexcept { return last_; }
  [[nodiscard]] bool unsure() const noexcept { return unsure_; }
  [[nodiscard]] bool rolling() const noexcept { return last_.under_way(); }

 private:
  Ledger& ledger_;
  RolloutLook last_;
  bool unsure_ = false;  // what serves
};

}  // namespace sluice::cluster
