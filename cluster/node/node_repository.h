// The node's repository with the rules of when control is told of it: once the first look has
// settled, at each change after that, and in answer to a look. A shell over RepositoryWatch without
// a loop of its own.

#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "common/base/time.h"
#include "common/link/repository_messages.h"
#include "worker/model/repository/watch.h"

namespace sluice::cluster {

class NodeRepository {
 public:
  explicit NodeRepository(repository::WatchOptions options) : watch_(std::move(options)) {}

  // To be watched; -1: there is none.
  [[nodiscard]] int descriptor() const noexcept { return watch_.descriptor(); }
  void on_readable() { watch_.on_readable(); }

  // Looks at the disk when it is time to. True when view() has changed, or has just become known.
  bool tick(TimePoint now);
  // The gateway asks: looks now; the answer is taken once what was seen has settled.
  bool look(std::uint64_t sequence, TimePoint now);
  // Of tick().
  [[nodiscard]] std::optional<TimePoint> next_due() const;

  // False until the first look has settled; view() is not to be acted on before.
  [[nodiscard]] bool known() const noexcept { return known_; }
  [[nodiscard]] const repository::SettledView& view() const noexcept { return watch_.view(); }
  [[nodiscard]] const repository::RepositoryWatch& watch() const noexcept { return watch_; }

  // A new link: it has been told nothing.
  void on_attached();
  // What is to be told now; nothing when it has been.
  std::optional<link::Repository> take_report(TimePoint now);

 private:
  bool update(bool changed, TimePoint now);

  repository::RepositoryWatch watch_;
  std::optional<TimePoint> began_;  // the first look
  bool known_ = false;
  bool news_ = false;
  std::uint64_t asked_ = 0;  // the latest look that has not been answered
  TimePoint asked_until_{};
  std::uint64_t looked_ = 0;
  std::uint64_t sequence_ = 0;
};

}  // namespace sluice::cluster
