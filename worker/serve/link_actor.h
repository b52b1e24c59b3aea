// The worker's door to the gateway, and the owner of its state.
//
// Runs on: the worker's main loop (the link thread).
// Receives: welcome, heartbeat, drain, bye (from control); welcome, heartbeat, infer, cancel, bye
//           (from shards); LoaderWarming, ModelLoaded, LoadFailed (from the loader); Probed,
//           TrialFailed, Finished (from executors); ThreadBroken (from any of them).
// Sends:    hello, heartbeat, state, drain, bye (to control); hello, heartbeat, result, failure,
//           drain, bye (to shards); UseExecution, ProbeModel, Run (to executors).
//
// It dials control from the start and the shards once it is ready. Decisions are Attach's (sockets)
// and Batcher's (requests). A run that is not worth the way to an executor it executes itself.
// After it was away for more than kAwayTime (a stopped process) it reads all its links empty before
// it hands anything out, so that a cancel overtakes its request, and does not hold its own silence
// against the other end.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/link/control_messages.h"
#include "worker/serve/answer_order.h"
#include "worker/serve/batcher.h"
#include "worker/serve/board.h"
#include "worker/serve/messages.h"
#include "worker/serve/peer_link.h"
#include "worker/serve/runner.h"
#include "worker/serve/start_board.h"
#include "worker/serve/start_watch.h"
#include "worker/serve/suspects.h"
#include "worker/serve/worker_main.h"

namespace sluice::worker {

class LinkActor {
 public:
  struct Parts {
    zmq::context_t* context = nullptr;
    actor::Loop* loop = nullptr;
    std::vector<actor::Link<ExecutorInbox>>* executors = nullptr;
    std::vector<Board>* boards = nullptr;             // one an executor
    std::vector<StartBoard>* start_boards = nullptr;  // one an executor
    Suspects* suspects = nullptr;
    const Clock* clock = nullptr;
  };
  static constexpr Duration kAwayTime = std::chrono::milliseconds(100);
  // libzmq's own thread was away too and needs a moment to read what waits in the kernel.
  static constexpr Duration kAwayGrace = std::chrono::milliseconds(5);
  // An executor with a run that makes no progress for so long (several times what the whole run
  // should take) has the rest of it taken back, and what has ended of it answered.
  static constexpr Duration kStuckTime = std::chrono::milliseconds(5);

  LinkActor(const WorkerOptions& options, const Parts& parts);

  // Dials control. Call once, on the loop's thread.
  void start(TimePoint now);
  void receive(LinkInbox message, TimePoint now);
  // SIGTERM: finish what is accepted, then end the loop.
  void drain(const std::string& reason, TimePoint now);

  // After the loop has ended.
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }
  // Nothing is left in the executors and the loader has ended: the threads can be joined.
  [[nodiscard]] bool idle() const noexcept {
    return loader_ended_ && !probing_ && batcher_.assigned() == 0;
  }

 private:
  // On the way to ready (worker_start.cc).
  void on(LoaderWarming& message, TimePoint now);
  void on(ModelLoaded& message, TimePoint now);
  void on(LoadFailed& message, TimePoint now);
  void on(Probed& message, TimePoint now);
  void on(TrialFailed& message, TimePoint now);
  void watch_start(TimePoint now);
  [[nodiscard]] bool starting() const noexcept;

  // From the executors (link_actor.cc).
  void on(Finished& message, TimePoint now);
  void on(ThreadBroken& message, TimePoint now);
  void set_state(link::WorkerState state, const std::string& reason = {});
  void fail(int exit_code, const std::string& reason);
  void dispatch(TimePoint now);
  void hand_over(Run run);
  void run_here(const Run& run);
  std::vector<Done> settle(std::size_t executor, std::span<const std::size_t> slots);
  void send_answers(std::span<Done> ended);
  void note_absence(TimePoint now);
  void watch_runs(TimePoint now);
  void relieve_stuck(TimePoint now);
  void answer(std::uint64_t order, const LinkRef& to, link::Message message);
  void post_answer(const LinkRef& to, link::Message message);
  void release(std::vector<AnswerOrder::Answer> answers);
  void flush_answers();
  void note_undelivered(const PeerLink& link, std::size_t count);
  void arm_batches(TimePoint now);
  void refuse(const Job& job, const Error& error);
  void check_drained(TimePoint now);
  void finish(int exit_code);

  // Of the links (worker_links.cc).
  void service_links(TimePoint now);
  void service(PeerLink& link, TimePoint now);
  void arm(TimePoint now);
  void open(PeerLink& link);
  bool read(PeerLink& link, int limit, TimePoint now);
  void use(PeerLink& link, link::RawMessage raw, TimePoint now);
  void read_all_empty(TimePoint now);
  bool on_readable(PeerLink& link, TimePoint now);
  Result<void> on_message(PeerLink& link, link::Message message, TimePoint now);
  Result<void> on_welcome(PeerLink& link, const link::Body& body, TimePoint now);
  void on_bye(PeerLink& link, TimePoint now);
  void on_infer(PeerLink& link, link::Message message, TimePoint now);
  void on_cancel(PeerLink& link, const link::Header& header);
  void drop_requests_of(PeerLink& link);
  void stop(const Batcher::Place& place);
  void dial_shards(TimePoint now);
  void on_garbage(const PeerLink& link, const Error& error);
  [[nodiscard]] bool is_control(const PeerLink& link) const { return &link == control_.get(); }
  [[nodiscard]] std::size_t index_of(const PeerLink& link) const;
  [[nodiscard]] std::uint32_t credit() const { return batcher_.credit(shard_endpoints_.size()); }
  [[nodiscard]] link::Hello hello_for(const PeerLink& link) const;
  [[nodiscard]] link::Heartbeat heartbeat(const PeerLink& link) const;

  WorkerOptions options_;
  Parts parts_;
  std::string boot_id_;
  std::string identity_;  // what every routing id of this life starts with

  std::unique_ptr<PeerLink> control_;
  std::vector<std::unique_ptr<PeerLink>> shards_;  // null: a place to use again
  std::vector<std::string> shard_endpoints_;       // of the last welcome, as dialled from here
  std::uint64_t sockets_ = 0;                      // opened in this life
  actor::TimerId timer_ = 0;
  TimePoint armed_for_ = TimePoint::max();

  // In this order: the session is destroyed before its engine.
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Session> session_;
  std::unique_ptr<const Trials> own_trials_;
  const Trials* trials_ = nullptr;  // once the model is loaded; the loader's until it has ended
  ModelInfo model_;
  std::string config_;  // as shards are told it
  link::WorkerState state_ = link::WorkerState::loading;
  link::Findings findings_;
  std::vector<StartWatch> start_watches_;  // one a start board
  bool probing_ = false;                   // an executor is at it
  bool loader_ended_ = false;

  std::optional<Runner> runner_;  // for runs that are not worth a hand-over
  Batcher batcher_;
  std::optional<AnswerOrder> answer_order_;  // where the configuration wants it
  actor::TimerId batch_timer_ = 0;           // for batcher_.next_due()
  TimePoint hold_until_ = TimePoint::min();  // nothing is handed out before
  bool watching_runs_ = false;
  std::vector<std::uint64_t> progress_seen_;  // of each executor, at the last look
  std::uint64_t expired_ = 0;
  std::uint64_t cancelled_ = 0;
  std::uint64_t garbage_ = 0;
  std::uint64_t undelivered_ = 0;  // answers that no socket took

  std::optional<TimePoint> idle_since_;  // while draining
  TimePoint drain_until_{};
  bool finished_ = false;
  int exit_code_ = 0;
};

}  // namespace sluice::worker
