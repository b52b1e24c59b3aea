#include "gateway/route/request_queue.h"

#include "common/base/check.h"

namespace sluice::gateway {
namespace {

RequestList& lane_at(std::vector<RequestList>& lanes, std::uint32_t version) {
  if (version >= lanes.size()) {
    lanes.resize(version + 1);
  }
  return lanes[version];
}

std::uint32_t front_of(const std::vector<RequestList>& lanes, std::uint32_t version) noexcept {
  return version < lanes.size() ? lanes[version].front() : kNone;
}

}  // namespace

bool RequestQueue::has_room(std::size_t bytes) const noexcept {
  return count_ < count_limit_ && bytes <= bytes_limit_ && bytes_ <= bytes_limit_ - bytes;
}

RequestList& RequestQueue::lane_of(const Request& request) {
  if (request.suspect) {
    return suspects_;
  }
  if (request.version != kNone) {
    return lane_at(versions_, request.version);
  }
  return request.choice == kNone ? any_ : lane_at(chosen_, request.choice);
}

void RequestQueue::put(InFlight& table, Request& request) {
  lane_of(request).insert_in_order(table, request);
  if (request.level >= by_level_.size()) {
    by_level_.resize(request.level + std::size_t{1});
  }
  ++by_level_[request.level];
  request.state = RequestState::queued;
  ++count_;
  bytes_ += request.bytes;
  chosen_count_ += is_chosen(request) ? 1U : 0U;
}

void RequestQueue::remove(InFlight& table, Request& request) {
  SLUICE_CHECK(request.state == RequestState::queued && count_ > 0);
  lane_of(request).remove(table, request);
  --by_level_[request.level];
  --count_;
  bytes_ -= request.bytes;
  chosen_count_ -= is_chosen(request) ? 1U : 0U;
}

void RequestQueue::release(InFlight& table, std::uint32_t version) {
  for (std::uint32_t slot = front_chosen(version); slot != kNone; slot = front_chosen(version)) {
    Request& request = table.at(slot);
    chosen_[version].remove(table, request);
    --chosen_count_;
    request.choice = kNone;
    any_.insert_in_order(table, request);
  }
}

std::uint32_t RequestQueue::front(std::uint32_t version) const noexcept {
  return version == kNone ? any_.front() : front_of(versions_, version);
}

std::uint32_t RequestQueue::front_chosen(std::uint32_t version) const noexcept {
  return front_of(chosen_, version);
}

}  // namespace sluice::gateway
