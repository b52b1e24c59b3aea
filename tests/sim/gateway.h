// SimGateway: the gateway process: two shards, each the real dispatcher (or a mutant of it) in a
// shell that does what shard_actor does: keeps identities and payloads, answers hellos, beats,
// performs the actions. It can die and come back; then its clients' connections are broken and its
// ids forgotten.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/oracle.h"
#include "tests/sim/shard_core.h"
#include "tests/sim/worker.h"

namespace sluice::sim {

class SimShard {
 public:
  SimShard(const World& world, std::size_t index, Mutant mutant)
      : world_(&world), index_(index), mutant_(mutant) {}

  // `life` of the gateway: ids never repeat.
  void start(std::uint64_t life, const Snapshot& snapshot);
  // The process dies. Clients that wait see a broken connection.
  void stop(Coverage& coverage);
  [[nodiscard]] bool lives() const noexcept { return core_ != nullptr; }

  void ask(std::uint32_t question);
  void client_gone(std::uint32_t question);
  void arrived(ConnectionId connection, const Packet& packet);
  void worker_ended(const std::string& name, const std::vector<RequestId>& running, bool killed);
  void take_snapshot(const Snapshot& snapshot);
  [[nodiscard]] bool idle() const { return core_ == nullptr || core_->idle(); }

 private:
  struct Link {
    ConnectionId connection = kNoConnection;  // none: the key is free
    std::string worker;
  };
  struct Payload {
    RequestId id = 0;
    std::uint32_t question = 0;
  };

  void due(std::uint64_t life, std::uint64_t when);
  void beat(std::uint64_t life, std::uint64_t unused);

  void on_hello(ConnectionId connection, const Packet& packet);
  void on_answer(gateway::LinkKey key, const Packet& packet);
  void send(gateway::LinkKey key, const Packet& packet);
  void perform_all();
  void perform(const gateway::Send& action);
  void perform(const gateway::Cancel& action);
  void perform(const gateway::Answer& action);
  void perform(const gateway::Deliver& action);
  void perform(const gateway::Bye& action);
  void perform(const gateway::CloseLink& action);
  void perform(const gateway::Notice& action);
  [[nodiscard]] std::optional<gateway::LinkKey> key_of(ConnectionId connection) const;
  [[nodiscard]] Oracle::LinkId link_id(gateway::LinkKey key) const { return {index_, key}; }

  const World* world_;
  std::size_t index_;
  Mutant mutant_;
  std::uint64_t life_ = 0;
  std::unique_ptr<ShardCore> core_;
  gateway::Actions actions_;
  std::vector<Link> links_;
  std::vector<Payload> payloads_;  // by slot
  std::vector<RequestId> ids_;     // by question; 0: not accepted
  TimePoint armed_ = TimePoint::max();
  std::uint32_t read_attempt_ = 0;  // of the answer in hand
  Snapshot snapshot_;               // the latest
};

class SimGateway {
 public:
  SimGateway(const World& world, Mutant mutant);

  // Each shard begins with the latest snapshot that control made.
  void start(const Snapshot& snapshot);
  void die();
  [[nodiscard]] bool lives() const noexcept { return shards_.front()->lives(); }
  [[nodiscard]] bool idle() const;

  void ask(std::uint32_t question);
  void client_gone(std::uint32_t question);
  void arrived(ConnectionId connection, const Packet& packet);
  void worker_ended(const std::string& name, const std::vector<RequestId>& running, bool killed);
  void take_snapshot(std::size_t shard, const Snapshot& snapshot);
  [[nodiscard]] const Coverage& coverage() const noexcept { return coverage_; }

 private:
  const World* world_;
  std::uint64_t life_ = 0;
  std::array<std::unique_ptr<SimShard>, kShards> shards_;
  Coverage coverage_;
};

}  // namespace sluice::sim
