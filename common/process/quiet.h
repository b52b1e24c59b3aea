// Work that nobody waits for steps aside for work that somebody does.

#pragma once

namespace sluice {

enum class Quiet : unsigned char {
  // Runs only where a processor would idle (SCHED_IDLE). A higher nice value would not do: since
  // Linux 6.6 a thread that is woken may have to wait until the slice of a nicer one has ended.
  idle,
  // At least nice 10, a tenth of a processor beside one busy thread: for a machine whose processors
  // never
  // idle, where the other comes to a stop.
  low,
};

// From here on, of this thread and every one that it makes; files are read where the disk would
// idle. Unprivileged, there is no way back for them. That it does not succeed is no failure.
void be_quiet(Quiet how);

}  // namespace sluice
