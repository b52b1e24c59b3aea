// WorkerLinks: the identities of one shard's ROUTER and who is behind each. A table, no socket.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/time.h"
#include "common/link/bundle.h"
#include "common/link/control_messages.h"
#include "gateway/protocol/class_labels.h"
#include "gateway/route/messages.h"

namespace sluice::gateway {

struct WorkerLink {
  std::string identity;  // routing id of the ROUTER
  std::string worker_id;
  std::uint32_t pid = 0;
  ModelInfo info;
  std::string config{};     // as link::Hello has it
  ClassLabels labels{};     // of the version as this worker has it
  bool same_clock = false;  // shares CLOCK_MONOTONIC with us
  Duration interval{};      // of heartbeats, both ways
  TimePoint next_beat{};
  std::uint64_t beats = 0;
  link::Bundle bundle{};  // what waits to be sent to it in this turn
};

class WorkerLinks {
 public:
  // Keys are dense and taken again after remove(). Nothing when limits::kLinksPerShard are in use.
  std::optional<LinkKey> add(WorkerLink link);
  void remove(LinkKey key);

  [[nodiscard]] std::optional<LinkKey> find(const std::string& identity) const;
  [[nodiscard]] WorkerLink* get(LinkKey key);

  // fn(LinkKey, WorkerLink&) for each.
  template <class Function>
  void for_each(Function&& fn) {
    for (LinkKey key = 0; key < links_.size(); ++key) {
      if (links_[key]) {
        fn(key, *links_[key]);
      }
    }
  }

 private:
  std::vector<std::optional<WorkerLink>> links_;
  std::vector<LinkKey> free_;
  std::unordered_map<std::string, LinkKey> by_identity_;
};

}  // namespace sluice::gateway
