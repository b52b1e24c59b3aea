// RequestQueue: the requests of one model that wait for a worker. Bounded in count and bytes at the
// door (`has_room`); in each lane by priority, then first in, first out. Lanes keep a request that
// names a version without a free worker from holding up the others: one lane for requests of any
// version, one for each version named, one for each version that requests were given by weight, one
// for suspects, which run by themselves.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/route/in_flight.h"

namespace sluice::gateway {

class RequestQueue {
 public:
  RequestQueue(std::size_t count_limit, std::size_t bytes_limit)
      : count_limit_(count_limit), bytes_limit_(bytes_limit) {}

  // Whether a new request of that size may wait.
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;

  // Puts a request in its lane, by its order. One that comes back from a worker is
  // taken whatever the bounds: it was accepted once.
  void put(InFlight& table, Request& request);
  void remove(InFlight& table, Request& request);
  // Those that were given that version by weight may go to any version again.
  void release(InFlight& table, std::uint32_t version);

  // The first of a lane, kNone when empty. `version` kNone: the lane of any version.
  [[nodiscard]] std::uint32_t front(std::uint32_t version) const noexcept;
  // The first that was given that version by weight.
  [[nodiscard]] std::uint32_t front_chosen(std::uint32_t version) const noexcept;
  [[nodiscard]] std::uint32_t front_suspect() const noexcept { return suspects_.front(); }

  // Versions at or above it have no lane.
  [[nodiscard]] std::uint32_t lane_count() const noexcept {
    return static_cast<std::uint32_t>(std::max(versions_.size(), chosen_.size()));
  }
  // Requests in lanes of versions given by weight.
  [[nodiscard]] std::size_t chosen() const noexcept { return chosen_count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  // Of that priority.
  [[nodiscard]] std::size_t waiting(std::uint32_t level) const noexcept {
    return level < by_level_.size() ? by_level_[level] : 0;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  RequestList& lane_of(const Request& request);
  [[nodiscard]] static bool is_chosen(const Request& request) noexcept {
    return !request.suspect && request.version == kNone && request.choice != kNone;
  }

  std::size_t count_limit_;
  std::size_t bytes_limit_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  RequestList any_;
  RequestList suspects_;
  std::vector<RequestList> versions_;  // named; by version index
  std::vector<RequestList> chosen_;    // by version index
  std::size_t chosen_count_ = 0;
  std::vector<std::size_t> by_level_;  // counts
};

}  // namespace sluice::gateway
