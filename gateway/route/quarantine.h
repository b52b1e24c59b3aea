// Quarantine: requests proven to kill the worker that runs them, kept as digests so that the same
// request sent again is refused at the door and not paid for with two more workers. Bounded: the
// oldest is forgotten first; an entry ends after limits::kQuarantineTime.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/limits.h"
#include "common/base/time.h"

namespace sluice::gateway {

class Quarantine {
 public:
  explicit Quarantine(std::size_t limit = limits::kQuarantineEntries) : limit_(limit) {}

  // A digest of 0 is none.
  void add(std::uint32_t model, std::uint64_t fingerprint, TimePoint now);
  [[nodiscard]] bool holds(std::uint32_t model, std::uint64_t fingerprint, TimePoint now) const;
  // A new version of the model may no longer have the fault.
  void forget(std::uint32_t model);
  // Drops what has ended.
  void sweep(TimePoint now);

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t fingerprint = 0;
    TimePoint until;
    std::uint32_t model = 0;
  };

  std::size_t limit_;
  std::vector<Entry> entries_;  // oldest first
};

}  // namespace sluice::gateway
