// DeadlineHeap: the earliest moment at which something is due of all requests alive, queued or
// sent: a deadline, or the end of a wait. What is due must not change while it is in here. A binary
// heap whose requests know their position, so that one that ends is taken out wherever it stands.
// Deadlines mostly arrive in rising order, which makes an insertion one comparison.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/time.h"
#include "gateway/route/in_flight.h"

namespace sluice::gateway {

class DeadlineHeap {
 public:
  void push(InFlight& table, Request& request);
  void remove(InFlight& table, Request& request);
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  // TimePoint::max() when empty.
  [[nodiscard]] TimePoint earliest() const noexcept;
  [[nodiscard]] std::uint32_t earliest_slot() const noexcept { return entries_.front().slot; }

 private:
  struct Entry {
    TimePoint deadline;
    std::uint32_t slot = 0;
  };

  void place(InFlight& table, std::size_t position, const Entry& entry);
  void sift_up(InFlight& table, std::size_t position, const Entry& entry);
  void sift_down(InFlight& table, std::size_t position, const Entry& entry);

  std::vector<Entry> entries_;
};

}  // namespace sluice::gateway
