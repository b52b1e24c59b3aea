// A thread whose work nobody waits for steps aside for those that serve.

#pragma once

namespace sluice::worker {

// Makes this thread as quiet (common/process/quiet.h) as the machine lets work be that shall end:
// Quiet::idle where its processors idle at times, which is tried, and Quiet::low where not.
void step_aside();

}  // namespace sluice::worker
