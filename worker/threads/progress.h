// A number that one thread raises and others wait for: by looking again for a while, then asleep.

#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::engine {

class Progress {
 public:
  // What was written before the value was raised is seen behind this.
  [[nodiscard]] std::uint32_t now() const { return value_.load(std::memory_order_acquire); }

  // Wakes at most `most` of those asleep; the system is only called when there are some.
  void raise(std::uint32_t by, int most);

  // Returns when the value is no longer `seen`; whether it slept until then.
  bool wait_while(std::uint32_t seen);
  // The same without looking first: where the wait will be long, or the core is needed.
  void sleep_while(std::uint32_t seen);

 private:
  [[nodiscard]] bool looks_changed(std::uint32_t seen) const;

  std::atomic<std::uint32_t> value_ = 0;
  std::atomic<std::uint32_t> sleepers_ = 0;
};

}  // namespace sluice::engine
