// ListFile: the file of a list of models, which may change while its models are served. What it
// says counts once nothing in it has changed for a second, and only as a whole: a list that is
// wrong leaves the one before.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/model/repository/server_config.h"

namespace sluice::repository {

class ListFile {
 public:
  explicit ListFile(std::string path, Duration settle = limits::kSettleTime);

  // Reads the file. The list, once it is another than before: the first time at once.
  std::optional<ModelList> look(TimePoint now);

  // Why what is there now is not followed, with the file and the place in it.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  // When what was seen will have settled; nothing: it has.
  [[nodiscard]] std::optional<TimePoint> next_look() const noexcept { return next_look_; }
  // In which it stands: what a watch follows.
  [[nodiscard]] std::string folder() const;

 private:
  std::string path_;
  Duration settle_;
  std::uint64_t seen_ = 0;  // stamps; 0: it cannot be read
  TimePoint since_{};       // when `seen_` became what it is
  std::optional<std::uint64_t> taken_;
  std::optional<TimePoint> next_look_;
  std::optional<Error> error_;
};

}  // namespace sluice::repository
