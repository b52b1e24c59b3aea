#include "gateway/route/deadline_heap.h"

#include "common/base/check.h"
#include "gateway/route/request_id.h"

namespace sluice::gateway {

TimePoint DeadlineHeap::earliest() const noexcept {
  return entries_.empty() ? TimePoint::max() : entries_.front().deadline;
}

void DeadlineHeap::push(InFlight& table, Request& request) {
  const Entry entry{.deadline = request.due(),
                    .slot = static_cast<std::uint32_t>(slot_of(request.id))};
  entries_.push_back(entry);
  sift_up(table, entries_.size() - 1, entry);
}

void DeadlineHeap::remove(InFlight& table, Request& request) {
  const std::size_t position = request.heap_position;
  SLUICE_CHECK(position < entries_.size());
  request.heap_position = kNone;
  const Entry last = entries_.back();
  entries_.pop_back();
  if (position == entries_.size()) {
    return;
  }
  if (position > 0 && last.deadline < entries_[(position - 1) / 2].deadline) {
    sift_up(table, position, last);
  } else {
    sift_down(table, position, last);
  }
}

void DeadlineHeap::place(InFlight& table, std::size_t position, const Entry& entry) {
  entries_[position] = entry;
  table.at(entry.slot).heap_position = static_cast<std::uint32_t>(position);
}

void DeadlineHeap::sift_up(InFlight& table, std::size_t position, const Entry& entry) {
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (entries_[parent].deadline <= entry.deadline) {
      break;
    }
    place(table, position, entries_[parent]);
    position = parent;
  }
  place(table, position, entry);
}

void DeadlineHeap::sift_down(InFlight& table, std::size_t position, const Entry& entry) {
  for (;;) {
    std::size_t child = 2 * position + 1;
    if (child >= entries_.size()) {
      break;
    }
    if (child + 1 < entries_.size() && entries_[child + 1].deadline < entries_[child].deadline) {
      ++child;
    }
    if (entry.deadline <= entries_[child].deadline) {
      break;
    }
    place(table, position, entries_[child]);
    position = child;
  }
  place(table, position, entry);
}

}  // namespace sluice::gateway
