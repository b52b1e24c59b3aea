#include "worker/model/repository/folder_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/inotify.h>
#include <unistd.h>

#include "common/base/limits.h"

namespace sluice::repository {

namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY |
                                  IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                  IN_ONLYDIR;

Error failed(const std::string& what) {
  return {ErrorCode::unavailable, what + ": " + std::strerror(errno)};
}

}  // namespace

Result<void> FolderWatch::open() {
  fd_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd_) {
    return failed("inotify");
  }
  return {};
}

Result<bool> FolderWatch::follow(const std::vector<std::string>& folders) {
  if (folders.size() > limits::kWatchedFolders) {
    return Error{ErrorCode::resource_exhausted,
                 std::to_string(folders.size()) + " folders, at most " +
                     std::to_string(limits::kWatchedFolders) + " are watched"};
  }
  std::map<std::string, int> next;
  bool fresh = false;
  for (const std::string& folder : folders) {
    // Asked anew each time: a folder that was replaced by another of its name has a new watch.
    const int watch = ::inotify_add_watch(fd_.get(), folder.c_str(), kEvents);
    if (watch < 0 && errno == ENOSPC) {
      return Error{
          ErrorCode::resource_exhausted,
          "fs.inotify.max_user_watches is used up at " + std::to_string(next.size()) + " folders"};
    }
    if (watch < 0) {
      continue;  // gone meanwhile: its parent has told so
    }
    const auto before = watches_.find(folder);
    fresh = fresh || before == watches_.end() || before->second != watch;
    next[folder] = watch;
  }
  for (const auto& [folder, watch] : watches_) {
    const bool kept = std::ranges::any_of(
        next, [watch = watch](const auto& entry) { return entry.second == watch; });
    if (!kept) {
      ::inotify_rm_watch(fd_.get(), watch);  // may be gone with its folder
    }
  }
  watches_ = std::move(next);
  return fresh;
}

bool FolderWatch::drain() {
  bool any = false;
  alignas(inotify_event) std::array<char, 16 * limits::kKiB> events;
  while (true) {
    const ssize_t count = ::read(fd_.get(), events.data(), events.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return any;
    }
    any = true;
  }
}

}  // namespace sluice::repository
