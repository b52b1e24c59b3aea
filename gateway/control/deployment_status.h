// What control shows of a model's versions, labels and rollout, and the events of their lives.
// Plain values, made by Deployment, written as JSON and log lines by others.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/link/repository_messages.h"

namespace sluice::gateway {

// Names what a command set in motion; never 0, except where there is nothing to wait for.
using CommandId = std::uint64_t;

// Numbers commands, and rollouts that nobody has asked for, of all models in one row: no two have
// the same, over restarts of the gateway too.
struct CommandIds {
  CommandId last = 0;
  CommandId next() { return ++last; }
};

enum class VersionStage : std::uint8_t {
  known,     // in a repository, not wanted
  starting,  // wanted; no process of it has said anything yet, or it is started again
  loading,
  warming,
  probing,
  standby,   // ready, met by every shard, not routed to
  serving,   // routed to
  draining,  // finishing what it has, or ending
  failed,    // given up, with the reason
};
std::string_view name_of(VersionStage stage) noexcept;

struct VersionStatus {
  std::int64_t version = 0;
  VersionStage stage = VersionStage::known;
  std::string reason{};  // of failed; otherwise of the last trouble, or empty
  int weight = 0;        // share of unversioned requests in the snapshot, percent
  std::uint32_t workers_wanted = 0;
  std::uint32_t workers_ready = 0;  // and met by every shard

  friend bool operator==(const VersionStatus&, const VersionStatus&) = default;
};

struct LabelStatus {
  std::string label{};
  std::int64_t wants = 0;            // by the configuration
  std::optional<std::int64_t> at{};  // where it leads now; absent: nowhere
  std::string reason{};              // why it is not where it should be; empty: it is

  friend bool operator==(const LabelStatus&, const LabelStatus&) = default;
};

enum class RolloutPhase : std::uint8_t {
  stopping,     // recreate: the old drains and ends before the new starts
  starting,     // the new is loaded, probed, met by the shards, judged by the guards
  shifting,     // both serve, by weights
  switching,    // the snapshot with the new alone is on its way to the shards
  restoring,    // back to the old
  done,         // every shard serves the new
  rolled_back,  // every shard serves the old, for the reason given
};
std::string_view name_of(RolloutPhase phase) noexcept;

struct RolloutStatus {
  CommandId id = 0;
  bool by_operator = false;  // else by the policy or a changed folder
  std::vector<std::int64_t> from{};
  std::vector<std::int64_t> to{};
  link::Strategy strategy = link::Strategy::rolling;
  RolloutPhase phase = RolloutPhase::starting;
  bool paused = false;
  std::uint32_t step = 0;   // from 1 while shifting; 0: before
  std::uint32_t steps = 0;  // in all; 0: a single switch
  int percent = 0;          // of unversioned requests that the new one gets
  TimePoint began{};
  TimePoint since{};          // of the phase or step
  std::string waiting_for{};  // what holds the phase up, for the operator; may be empty
  std::string reason{};       // of restoring and rolled_back

  friend bool operator==(const RolloutStatus&, const RolloutStatus&) = default;
};

struct DeploymentStatus {
  std::string model{};
  std::string problem{};             // of its configuration, by any node; empty: none
  std::vector<std::string> notes{};  // what is set without effect, what is wanted but not there
  std::optional<std::vector<std::int64_t>> pin{};  // absent: the policy decides; empty: unloaded
  std::vector<VersionStatus> versions{};           // ascending
  std::vector<LabelStatus> labels{};
  std::vector<std::int64_t> previous{};    // what `rollback` goes back to; empty: nothing
  std::optional<RolloutStatus> rollout{};  // the one under way, or the last one
  std::string settings_json{};             // the completed configuration

  friend bool operator==(const DeploymentStatus&, const DeploymentStatus&) = default;
};

enum class EventKind : std::uint8_t {
  adopted,  // a version that was there when the gateway started
  version_starting,
  version_serving,  // its workers are ready and in the snapshot
  version_failed,
  version_draining,
  version_retired,  // no process of it any more
  rollout_started,
  rollout_phase,  // detail: the phase's name
  rollout_step,   // detail: percent
  rollout_paused,
  rollout_resumed,
  pinned,  // detail: the versions
  unpinned,
  label_moved,     // detail: label and versions
  problem,         // of the configuration
  command_done,    // `command` has come true
  command_failed,  // it was rolled back or is not possible; detail: why
};
std::string_view name_of(EventKind kind) noexcept;

struct Event {
  TimePoint at{};
  std::string model{};
  std::int64_t version = 0;  // 0: of the model as a whole
  EventKind kind = EventKind::adopted;
  std::string detail{};
  CommandId command = 0;  // 0: nobody waits for it

  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace sluice::gateway
