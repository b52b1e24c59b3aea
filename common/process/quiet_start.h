// A child whose start nobody notices: quiet from its first instruction to where it says so.
//
// What a dynamic linker does for a program takes some milliseconds of a processor, and a thread
// that begins quietly (quiet.h) cannot come back without a privilege. Where a process has it, its
// children start that way; where not, they start like any other.

#pragma once

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice {

// Whether this process and its children may end their own quiet, by root's CAP_SYS_NICE or by
// RLIMIT_NICE, and come back to what they were: to SCHED_OTHER.
[[nodiscard]] bool quiet_can_end();

// Inherited by the child, which waits for it. unavailable when the process is out of descriptors.
Result<UniqueFd> make_quiet_start();

// Called by the parent once it has spawned the child, which has one thread then.
void start_quietly(int quiet_start, pid_t child);

// Called by the parent when the start takes longer than it may: the child is as loud as others.
void end_quiet_start_of(pid_t child);

// Called by the child on its main thread, before it makes others: waits until the parent has made
// it quiet and comes back from there. unavailable when it may not.
Result<void> end_quiet_start(int quiet_start);

}  // namespace sluice
