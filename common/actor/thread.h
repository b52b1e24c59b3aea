// Thread: a named thread that is joined when its owner goes, unless it was abandoned because the
// process ends. The only place that makes one.

#pragma once

#include <functional>
#include <string>
#include <thread>

namespace sluice::actor {

class Thread {
 public:
  // All signals are blocked in it: the process' main loop hears them. `name`: 15 bytes are shown.
  Thread(const std::string& name, std::function<void()> body);
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() = default;  // joins

  // Nobody will wait for it: said right before the process ends around it, and only then.
  void abandon() { thread_.detach(); }

 private:
  std::jthread thread_;
};

}  // namespace sluice::actor
