// The run directory: where one instance's sockets and lock live.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice::cluster {

// "$XDG_RUNTIME_DIR/sluice", or "/tmp/sluice-UID" where that is not set.
std::string default_run_dir();

// RUN_DIR/state-KEY.json: KEY is the same for the same sources of models, files or folders, from
// wherever they are named, so that what is kept of one is not taken for another's.
std::string state_file_in(const std::string& run_dir, const std::vector<std::string>& sources);

// Makes the directory (0700) when it is absent. invalid_argument: its sockets' paths would be too
// long for the system; unavailable: it cannot be made, or belongs to another user, who could put
// sockets there in our name.
Result<void> prepare_run_dir(const std::string& run_dir);

// The lock that keeps a second `sluice serve` out of a run directory. The kernel gives it up with
// its holder, however that ends: it cannot be stale.
class RunLock {
 public:
  // Prepares the directory and locks it. unavailable, naming the holder's pid, when it is in use.
  static Result<RunLock> take(const std::string& run_dir);

 private:
  explicit RunLock(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

// Removes what an instance leaves in its run directory (sockets, lock files), and the directory
// when nothing else is in it. Only while the lock is held.
void clean_run_dir(const std::string& run_dir);

}  // namespace sluice::cluster
