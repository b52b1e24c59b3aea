// FolderWatch: inotify over a set of folders. Says that something has changed, not what: who hears
// it looks again.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice::repository {

class FolderWatch {
 public:
  FolderWatch() = default;

  // Opens the descriptor; unavailable with the system's words.
  Result<void> open();
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  // Watches exactly these folders. True: some are watched only since now, and what happened in them
  // before was not told. resource_exhausted when there are more than may be watched.
  Result<bool> follow(const std::vector<std::string>& folders);

  // Reads the descriptor empty. True when anything happened, or so much that some of it was lost.
  bool drain();

 private:
  UniqueFd fd_;
  std::map<std::string, int> watches_;
};

}  // namespace sluice::repository
