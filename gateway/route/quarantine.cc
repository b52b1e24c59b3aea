#include "gateway/route/quarantine.h"

#include <algorithm>

namespace sluice::gateway {

void Quarantine::add(std::uint32_t model, std::uint64_t fingerprint, TimePoint now) {
  if (fingerprint == 0 || limit_ == 0) {
    return;
  }
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.model == model && entry.fingerprint == fingerprint;
  });
  if (entries_.size() >= limit_) {
    entries_.erase(entries_.begin());
  }
  entries_.push_back(
      {.fingerprint = fingerprint, .until = now + limits::kQuarantineTime, .model = model});
}

bool Quarantine::holds(std::uint32_t model, std::uint64_t fingerprint, TimePoint now) const {
  return fingerprint != 0 && std::ranges::any_of(entries_, [&](const Entry& entry) {
           return entry.fingerprint == fingerprint && entry.model == model && now < entry.until;
         });
}

void Quarantine::forget(std::uint32_t model) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.model == model; });
}

void Quarantine::sweep(TimePoint now) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.until <= now; });
}

}  // namespace sluice::gateway
