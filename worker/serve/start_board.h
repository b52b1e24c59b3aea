// StartBoard: what a thread that tries out a fresh model shows meanwhile, because it reads no
// mailbox while the model runs. One for each executor, made by the wiring before the threads start
// and outliving them. Written by one thread at a time (that which warms its execution up, then the
// executor), read by the link.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::worker {

struct StartBoard {
  std::atomic<bool> busy{false};       // inside a run
  std::atomic<std::uint64_t> runs{0};  // begun
  std::atomic<std::size_t> trial{0};   // which one: its index in the list that is being run
  std::atomic<bool> probes{false};     // the list is Trials::probes, else Trials::warm_ups
  std::atomic<int> thread{0};          // the kernel's id of the thread
};

}  // namespace sluice::worker
