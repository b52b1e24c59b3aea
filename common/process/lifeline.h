// The lifeline: why nobody is left behind, whatever is killed.
//
// Each child inherits the read end of a pipe (`--lifeline-fd N`) whose only write end its parent
// holds, close-on-exec. When the parent is gone, by whatever way, the kernel closes that end and
// sends the child SIGKILL: no thread has to be awake to notice, a stopped process dies too.
// One pipe per child: the setting belongs to the open file description.
//
// Parent and child both arm it, because neither can do so before the other exists. A parent that
// dies between the spawn and its own arming is noticed by the child, which looks at the pipe as
// soon as it has taken hold. What is left: a child that somebody stops in those few milliseconds
// before its main, of a parent that died in the microseconds after the spawn, ends only once it is
// continued. posix_spawn offers nothing earlier (PR_SET_PDEATHSIG cannot be set through it).

#pragma once

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice {

struct LifelinePipe {
  UniqueFd keep;  // the parent's: closed when the child shall end
  UniqueFd give;  // the child's: inherited, closed by the parent after the spawn
};

// Both ends close-on-exec; the spawn clears that for the child's end alone. unavailable when the
// process is out of descriptors.
Result<LifelinePipe> make_lifeline();

// Called by the parent once it has spawned the child, before it closes `give`: from here on the
// child's life hangs on the pipe, even if it is stopped before it can take hold itself.
Result<void> guard_with_lifeline(int give, pid_t child);

// Called by the child, first thing in its main: binds its life to the pipe's other end. Exits at
// once when the parent is already gone. invalid_argument when `fd` is no pipe.
Result<void> hold_lifeline(int fd);

}  // namespace sluice
