// Child processes: spawn, watch, reap, and an exit in words.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice {

struct SpawnSpec {
  std::string program;                   // a path
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // "NAME=VALUE": added to the caller's, replacing
  std::vector<int> keep;                 // descriptors the child inherits under the same numbers
  int error_output = -1;                 // becomes the child's stderr; -1: the caller's
};

// A child of ours. Not reaped by destruction: `reap` does that.
struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable once the child has ended; give it to poll
};

// How a process ended.
struct ProcessExit {
  int code = 0;    // when signal is 0
  int signal = 0;  // that killed it; 0: it exited by itself

  friend bool operator==(const ProcessExit&, const ProcessExit&) = default;
};

// "exit code 3" or "killed by signal 9 (SIGKILL)".
std::string describe(const ProcessExit& exit);

// Starts the program in a process group of its own (a terminal's Ctrl-C reaches only the head of
// the tree, which then tells the others), with no signal blocked or ignored and all descriptors
// closed that are close-on-exec and not in `keep`. unavailable with the system's words.
Result<Child> spawn(const SpawnSpec& spec);

// Collects the child when it has ended; empty while it runs.
std::optional<ProcessExit> reap(const Child& child);

// Sends through the pidfd: never to a stranger that got the same number. False when it has ended.
bool send_signal(const Child& child, int signal);

// Path of the running executable, for children that are other subcommands of it.
std::string own_executable();

// The host's name; "host" where there is none.
std::string own_host_name();

}  // namespace sluice
