// The threads of one calling thread, and the only ones that compute for it. A region is work in
// parts, which the caller and its helpers take one by one. The caller takes parts as long as nobody
// has, and then waits only for parts that a helper has begun: where the machine has no core for a
// helper, the caller does its work.

#pragma once

#include <cstdint>

namespace sluice::engine {

// Part `part` of [0, parts): not two threads get the same one. Must not throw.
using PartFunction = void (*)(void* context, int part);

// The most parts of one region.
inline constexpr int kMostParts = 65'535;

// Runs each part once and returns when all are done. The caller begins with part 0. At most
// `helpers` threads that are asleep are woken (awake ones come by themselves). They are made when
// a region first asks for so many, by the calling thread (and so have its priority and its CPUs),
// and end with it: which thread has how many is nobody else's business.
//
// With parts - 1 helpers or more, parts may wait for each other (barriers): each thread runs one
// part at a time, so there are at least as many threads free as parts not begun, and each of them
// looks for one before it sleeps. That holds too while the caller runs its second part: its first
// one has ended, and waits for nothing.
//
// Within a region, on any of its threads, and without helpers the parts run in order on the thread
// that asks.
void run_region(int parts, int helpers, PartFunction function, void* context);

// Whether this thread is running a part of a region that others may help with.
[[nodiscard]] bool in_region();

// Regions that this thread has opened, but those that it ran alone.
[[nodiscard]] std::uint64_t region_count();

}  // namespace sluice::engine
