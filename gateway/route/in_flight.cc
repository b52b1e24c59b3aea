#include "gateway/route/in_flight.h"

#include <algorithm>

#include "common/base/check.h"
#include "gateway/route/request_id.h"

namespace sluice::gateway {

namespace {

constexpr std::size_t kReservedSlots = 1'024;  // about what one busy model needs

}  // namespace

InFlight::InFlight(std::uint8_t shard, std::uint64_t seed, std::size_t limit)
    : prefix_(std::uint64_t{shard} << kShardShift),
      first_generation_(mix(seed) & kGenerationMask),
      limit_(limit) {
  SLUICE_CHECK(limit <= (std::size_t{1} << kSlotBits));
  slots_.reserve(std::min(limit, kReservedSlots));
}

Request* InFlight::start() {
  if (alive_ >= limit_) {
    return nullptr;
  }
  if (free_.empty()) {
    const auto slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back().id = prefix_ | (first_generation_ << kSlotBits) | slot;
    free_.push_back(slot);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Request& request = slots_[slot];
  const std::uint64_t generation = ((request.id >> kSlotBits) + 1) & kGenerationMask;
  request = Request{};
  request.id = prefix_ | (generation << kSlotBits) | slot;
  request.order = next_order_++;
  ++alive_;
  return &request;
}

Request* InFlight::find(RequestId id) {
  const std::size_t slot = slot_of(id);
  if (slot >= slots_.size() || slots_[slot].id != id || slots_[slot].state == RequestState::free) {
    return nullptr;
  }
  return &slots_[slot];
}

void InFlight::finish(Request& request) {
  SLUICE_CHECK(alive_ > 0);
  request.state = RequestState::free;
  free_.push_back(static_cast<std::uint32_t>(slot_of(request.id)));
  --alive_;
}

void RequestList::push_back(InFlight& table, Request& request) {
  const auto slot = static_cast<std::uint32_t>(slot_of(request.id));
  request.previous = tail_;
  request.next = kNone;
  if (tail_ == kNone) {
    head_ = slot;
  } else {
    table.at(tail_).next = slot;
  }
  tail_ = slot;
  ++size_;
}

void RequestList::insert_in_order(InFlight& table, Request& request) {
  // From both ends at once: what returns belongs near the front, what is new near the end, and a
  // high priority behind the few others like it.
  std::uint32_t after = head_;
  std::uint32_t before = tail_;
  while (after != kNone && table.at(after).order < request.order &&
         table.at(before).order > request.order) {
    after = table.at(after).next;
    before = table.at(before).previous;
  }
  if (after != kNone && table.at(after).order < request.order) {
    after = table.at(before).next;
  }
  if (after == kNone) {
    push_back(table, request);
    return;
  }
  const auto slot = static_cast<std::uint32_t>(slot_of(request.id));
  Request& follower = table.at(after);
  request.previous = follower.previous;
  request.next = after;
  if (follower.previous == kNone) {
    head_ = slot;
  } else {
    table.at(follower.previous).next = slot;
  }
  follower.previous = slot;
  ++size_;
}

void RequestList::remove(InFlight& table, Request& request) {
  SLUICE_CHECK(size_ > 0);
  if (request.previous == kNone) {
    head_ = request.next;
  } else {
    table.at(request.previous).next = request.next;
  }
  if (request.next == kNone) {
    tail_ = request.previous;
  } else {
    table.at(request.next).previous = request.previous;
  }
  request.previous = kNone;
  request.next = kNone;
  --size_;
}

}  // namespace sluice::gateway
