// SimWorker: one worker process after another in one place of a node: loads, dials the shards, runs
// requests, stands still, dies and is started again. The rules of its links and of its queue are
// the real ones (worker/serve: Attach, Batcher); what is modelled here are the process, its
// executors and the node that watches it.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/plan.h"
#include "worker/serve/attach.h"
#include "worker/serve/batcher.h"

namespace sluice::sim {

class Oracle;
class Trace;

// What the node tells the gateway.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;
  virtual void worker_ended(const std::string& name,
                            const std::vector<RequestId>& running,
                            bool killed) = 0;
};

// What all parts of a simulation share.
struct World {
  const Plan* plan = nullptr;
  Scheduler* scheduler = nullptr;
  Random* random = nullptr;
  Network* network = nullptr;
  Oracle* oracle = nullptr;
  Trace* trace = nullptr;
  Node* node = nullptr;
};

class SimWorker {
 public:
  SimWorker(const World& world, std::size_t index) : world_(&world), index_(index) {}

  void start();
  void arrived(ConnectionId connection, const Packet& packet);

  // Faults.
  void die() { end_by_death(true); }
  void stand_still();
  void go_on();
  void leave();  // drains, exits, is started again
  void slow_down(int factor) { slowness_ = factor; }

  [[nodiscard]] std::string name() const;
  // Its connection to the shard, kNoConnection between two.
  [[nodiscard]] ConnectionId connection_to(std::size_t shard) const {
    return links_[shard].connection;
  }

 private:
  enum class State : std::uint8_t { gone, loading, serving };

  struct Link {
    std::optional<worker::Attach> attach;
    ConnectionId connection = kNoConnection;
    bool finished = false;  // while leaving: it said bye or is lost
  };
  struct Executor {
    std::vector<worker::Assigned> run;  // what it was given, the next one first
    std::array<bool, worker::kRunRequests> stop{};
    bool busy = false;
    TimePoint ends;
    std::uint64_t generation = 0;
  };
  struct Mail {
    ConnectionId connection = kNoConnection;
    Packet packet;
  };

  void loaded(std::uint64_t life, std::uint64_t unused);
  void wake(std::uint64_t life, std::uint64_t unused);
  void executor_ends(std::uint64_t life_and_executor, std::uint64_t generation);
  void check_left(std::uint64_t life, std::uint64_t unused);

  void service_links();
  void service(std::size_t shard);
  void open(std::size_t shard);
  void drop_requests_of(std::size_t shard);
  void read(ConnectionId connection, const Packet& packet);
  void on_infer(std::size_t shard, const Packet& packet);
  void on_cancel(std::size_t shard, const Packet& packet);
  void dispatch();
  void begin_next(std::size_t executor);
  void send_answer(const worker::Job& job, Packet answer);
  void refuse(const worker::Job& job, ErrorCode code);
  void end_by_death(bool outside);
  void end_life(bool killed);
  [[nodiscard]] std::vector<RequestId> running() const;
  [[nodiscard]] std::uint32_t question_of(const worker::Job& job) const;

  const World* world_;
  std::size_t index_;
  std::uint64_t life_ = 0;
  State state_ = State::gone;
  bool still_ = false;
  bool leaving_ = false;
  bool wake_missed_ = false;
  int slowness_ = 1;
  TimePoint stood_still_;
  TimePoint armed_ = TimePoint::max();
  TimePoint idle_since_;
  std::uint64_t progress_ = 0;
  std::uint64_t sockets_ = 0;
  std::array<Link, kShards> links_;
  std::unique_ptr<worker::Batcher> batcher_;
  std::vector<Executor> executors_;
  std::vector<Mail> inbox_;  // while it stands still
};

}  // namespace sluice::sim
