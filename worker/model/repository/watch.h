// RepositoryWatch: a repository that is looked at when something in it changes. The thin shell over
// scan(), Settler and inotify, for a loop that can wait for a descriptor and a time.
//
// Where inotify is blind (network file systems) or has no watches left, it looks every
// poll_interval instead. A look reads the file system in the calling thread: a few system calls a
// file, each a round trip on a network file system.

#pragma once

#include <optional>
#include <string>

#include "common/base/limits.h"
#include "common/base/time.h"
#include "worker/model/repository/folder_watch.h"
#include "worker/model/repository/list_file.h"
#include "worker/model/repository/scan.h"
#include "worker/model/repository/settler.h"

namespace sluice::repository {

struct WatchOptions {
  ScanOptions what;
  std::string list_file{};     // of what.listed: read again at each look; empty: there is none
  bool explicit_only = false;  // looks once at the start, then only when look_now() says so
  bool poll = false;           // every poll_interval, even where inotify sees
  Duration poll_interval = limits::kPollInterval;
  Duration settle = limits::kSettleTime;
};

class RepositoryWatch {
 public:
  // Looks at the first tick, which is due at once.
  explicit RepositoryWatch(WatchOptions options);

  // To be waited for (Loop::watch_descriptor); -1 when there is none.
  [[nodiscard]] int descriptor() const noexcept { return folders_.descriptor(); }
  // Reads the descriptor empty; next_tick() may then be earlier than it was.
  void on_readable();

  // When tick() wants to be called; nothing: not before on_readable() or look_now().
  [[nodiscard]] std::optional<TimePoint> next_tick() const noexcept;
  // Looks at the disk when it is time to. True when view() has changed.
  bool tick(TimePoint now);
  // An explicit load: looks now, whatever the mode. What changed just before still has to settle:
  // wait for settled(). True when view() has changed.
  bool look_now(TimePoint now);

  // Other roots, files or lists from now on; what is no longer named goes as if it were deleted.
  void follow(ScanOptions what);

  [[nodiscard]] const SettledView& view() const noexcept { return settler_.view(); }
  // False while something that was seen has yet to settle.
  [[nodiscard]] bool settled() const noexcept {
    return settler_.settled() && !(list_ && list_->next_look());
  }
  // Why it polls instead of being told; empty when it is told.
  [[nodiscard]] const std::string& polling_reason() const noexcept { return polling_reason_; }

 private:
  bool look(TimePoint now);

  WatchOptions options_;
  Settler settler_;
  std::optional<ListFile> list_;
  FolderWatch folders_;
  std::string polling_reason_;
  std::optional<TimePoint> looked_;  // last
  std::optional<TimePoint> next_ = TimePoint::min();
  bool changed_ = false;  // something was told since the last look
};

}  // namespace sluice::repository
