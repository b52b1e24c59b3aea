// EventFeed: who follows what happens to the models, and what each is to be told, as the text of
// server-sent events (docs/protocols/admin.md). Pure.
//
// A follower is told first how every rollout that it follows stands, then each change of one and
// every event of a version's life. What stands is told whole each time, so that nothing depends on
// what was said before.

#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "gateway/control/admin_json.h"
#include "gateway/control/deployment_status.h"

namespace sluice::gateway {

class EventFeed {
 public:
  // The request of a client on a shard.
  struct Follower {
    int shard = 0;
    std::uint64_t token = 0;
    friend auto operator<=>(const Follower&, const Follower&) = default;
  };
  using Told = std::vector<std::pair<Follower, std::string>>;

  // `model` empty: all of them. False: there are limits::kEventStreams already.
  bool add(Follower follower, std::string model);
  void remove(Follower follower) { followers_.erase(follower); }
  [[nodiscard]] bool empty() const noexcept { return followers_.empty(); }

  // What has happened since the last call, and how everything stands now.
  Told on(std::span<const Event> events,
          std::span<const DeploymentStatus> models,
          Acknowledged shards,
          TimePoint now);
  // A sign of life to everybody.
  [[nodiscard]] Told beat() const;

 private:
  struct Follows {
    std::string model;  // empty: all
    bool is_new = true;
  };
  // What was said of a rollout last.
  struct Said {
    std::optional<RolloutStatus> rollout;
    int acknowledged = 0;
    friend bool operator==(const Said&, const Said&) = default;
  };

  std::map<Follower, Follows> followers_;
  std::map<std::string, Said> said_;  // by model
};

}  // namespace sluice::gateway
