#include "gateway/route/request_queue.h"

#include "common/base/check.h"

namespace sluice::gateway {

bool RequestQueue::has_room(std::size_t bytes) const noexcept {
  return count_ < count_limit_ && bytes <= bytes_limit_ && bytes_ <= bytes_limit_ - bytes;
}

RequestList& RequestQueue::lane_of(const Request& request) {
  if (request.suspect) {
    return suspects_;
  }
  if (request.version == kNone) {
    return any_;
  }
  if (request.version >= versions_.size()) {
    versions_.resize(request.version + 1);
  }
  return versions_[request.version];
}

void RequestQueue::put(InFlight& table, Request& request) {
  RequestList& lane = lane_of(request);
  if (request.attempt == 0) {
    lane.push_back(table, request);
  } else {
    lane.insert_in_order(table, request);
  }
  request.state = RequestState::queued;
  ++count_;
  bytes_ += request.bytes;
}

void RequestQueue::remove(InFlight& table, Request& request) {
  SLUICE_CHECK(request.state == RequestState::queued && count_ > 0);
  lane_of(request).remove(table, request);
  --count_;
  bytes_ -= request.bytes;
}

std::uint32_t RequestQueue::front(std::uint32_t version) const noexcept {
  if (version == kNone) {
    return any_.front();
  }
  return version < versions_.size() ? versions_[version].front() : kNone;
}

}  // namespace sluice::gateway
