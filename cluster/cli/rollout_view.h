// What `sluice rollout` shows while it waits: from one state of a rollout after the other to lines,
// or to one line that is drawn anew. Pure; the JSON is that of docs/protocols/admin.md.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace sluice::cluster {

struct RolloutState {
  std::string model;
  std::uint64_t id = 0;
  std::vector<std::string> from;
  std::vector<std::string> to;
  std::string strategy;
  std::string phase = "none";  // starting, shifting, ..., done, rolled_back; none: there was none
  std::int64_t step = 0;
  std::int64_t steps = 0;
  std::int64_t percent = 0;
  bool paused = false;
  std::string waiting_for;
  std::string reason;
  std::int64_t shards_acknowledged = 0;
  std::int64_t shards = 0;
  double since_ms = 0;  // since the phase began
  double age_ms = 0;    // since the rollout did

  [[nodiscard]] bool ended() const {
    return phase == "done" || phase == "rolled_back" || phase == "none";
  }
};

// As GET and POST /sluice/models/M/rollout answer. A member that is missing has its default;
// data_corrupt when it is not such an object or a member has the wrong type.
Result<RolloutState> parse_rollout(std::string_view json);

// One line on where it stands: "1 -> 2, rolling: step 2 of 4, 10 % of the requests".
std::string rollout_words(const RolloutState& state);

// The same as a bar of `width` characters and words.
std::string rollout_bar(const RolloutState& state, int width);

// A `change` event in words: "digits 2: version_failed: not an ONNX model".
Result<std::string> change_words(std::string_view json);

// Plain lines: a line whenever something a reader would want to know has changed.
class RolloutLines {
 public:
  // The new line with its end, or nothing.
  std::string on(const RolloutState& state);

 private:
  std::string last_;
};

}  // namespace sluice::cluster
