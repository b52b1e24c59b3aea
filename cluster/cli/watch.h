// Following a running server by its events (docs/protocols/admin.md), shown while they come: a bar
// or a table that is drawn anew on a terminal, plain lines otherwise.

#pragma once

#include <string>

#include "cluster/cli/rollout_view.h"
#include "common/base/result.h"

namespace sluice::cluster {

// Lines, or a bar that is drawn anew where a terminal is looked at.
class RolloutDisplay {
 public:
  explicit RolloutDisplay(bool quiet);
  void show(const RolloutState& state);
  // Before words of another kind.
  void leave();

 private:
  bool quiet_;
  bool bar_;
  RolloutLines lines_;
};

// The model's rollout to its end; the last state as JSON when `json`, else nothing. `unavailable`
// when it was rolled back, or when nobody answers any more.
Result<std::string> watch_rollout(const std::string& url, const std::string& model, bool json);

// All that happens, until nobody answers any more, which is an error. `json`: a line of JSON for
// each event.
Result<std::string> watch_cluster(const std::string& url, bool json);

}  // namespace sluice::cluster
