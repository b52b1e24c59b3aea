// One shard: HTTP requests in, a worker each, answers out. A request never leaves this thread
// inside the gateway.
//
// Runs on: the shard's IoLoop.
// Receives: requests (from its HTTP listeners); hello, heartbeat, result, failure, drain, bye (from
//           workers, at its ROUTER); ClusterView, WorkerLifeEnded, StatusReply, AdminReply,
//           StreamPart, DrainShard, StopShard (from control).
// Sends:    infer, cancel, welcome, heartbeat, bye (to workers); WorkerMet, StatusQuery,
//           ViewApplied, VersionQuiet, AdminCall, FollowerGone, ShardDrained (to control).
//
// Decisions are the Dispatcher's; meaning is the adapters'; bytes are the listener's. What is left
// here is holding payloads and carrying things between them.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <zmq.hpp>

#include "common/actor/keep_awake.h"
#include "common/actor/mailbox.h"
#include "common/link/control_messages.h"
#include "common/link/message.h"
#include "common/link/tensor_codec.h"
#include "common/metrics/registry.h"
#include "common/process/unique_fd.h"
#include "gateway/control/messages.h"
#include "gateway/net/http_listener.h"
#include "gateway/net/io_loop.h"
#include "gateway/protocol/adapters.h"
#include "gateway/route/dispatcher.h"
#include "gateway/route/model_table.h"
#include "gateway/route/shard_metrics.h"
#include "gateway/route/worker_links.h"

namespace sluice::gateway {

struct ShardOptions {
  int index = 0;
  std::string gateway_id;                  // as control tells it to the workers
  std::string graphpipe_model;             // of the GraphPipe port, when there is one
  actor::KeepAwake* keep_awake = nullptr;  // for requests that come alone; nothing: off
  HttpOptions http;
  DispatcherOptions dispatcher;
};

// Tags of the listening sockets.
inline constexpr std::uint32_t kMainPort = 0;
inline constexpr std::uint32_t kGraphPipePort = 1;

class ShardActor final : public RequestHandler {
 public:
  ShardActor(IoLoop& loop,
             ShardOptions options,
             zmq::socket_t router,
             actor::Mailbox<ShardInbox>& mailbox,
             actor::Link<ControlInbox> control,
             metrics::Block& metrics);

  // Accepts on it from the first snapshot on: before that every model would be unknown, and who
  // connects can as well wait in the backlog.
  void listen(UniqueFd socket, std::uint32_t port_tag);

  void on_request(RequestHandle handle,
                  const ClientMessage& message,
                  const RequestFacts& facts) override;
  void on_abandoned(RequestHandle handle) override;
  void on_reply_started(RequestHandle handle, TimePoint now) override;
  void on_drained() override;

 private:
  // An accepted request; in pending_ at its id's slot.
  struct Pending {
    RequestId id = 0;  // 0: the slot is free
    RequestHandle handle;
    const Adapter* adapter = nullptr;
    ReplyHints hints;
    link::Body body;  // what is sent to the worker, as often as needed
    std::string model;
    PhaseTimes times;
  };
  // An answer on its way to the socket, for the reply phase.
  struct Replying {
    RequestHandle handle;
    ShardMetrics::VersionSeries* version = nullptr;
    TimePoint result;
  };
  // A version that the latest snapshot drains.
  struct Leaving {
    std::string model;
    std::int64_t version = 0;
    bool told = false;  // VersionQuiet, for this snapshot
  };
  // The result or failure being handed to the dispatcher: what Deliver delivers.
  struct Arrived {
    RequestId id = 0;
    LinkKey link = kNone;
    std::int64_t version = 0;  // of the worker that it came from
    Result<InferResponse> response = Error{};
  };

  // HTTP side (shard_requests.cc).
  void infer(RequestHandle handle,
             const InferCall& call,
             const ClientMessage& message,
             const RequestFacts& facts);
  Result<Decoded> decode(const InferCall& call, const ClientMessage& message) const;
  void admit(RequestHandle handle,
             const InferCall& call,
             Decoded decoded,
             const RequestFacts& facts);
  void refuse(RequestHandle handle,
              const InferCall& call,
              const Error& error,
              const ReplyHints& hints);
  // What control answers: remembered by a token until it does, or the client goes away.
  void ask_status(RequestHandle handle);
  void ask_control(RequestHandle handle, AdminRequest request);
  void on_control_answer(std::uint64_t token, ClientReply reply);
  void on_stream_part(const StreamPart& part);
  void end_streams();
  void deliver(Pending& pending);
  void answer(Pending& pending, std::int64_t version, const Error& error);
  void finish(Pending& pending);
  Pending& slot(RequestId id) { return pending_[slot_of(id)]; }

  // Link side (shard_links.cc).
  void read_router(TimePoint now);
  void on_router_readable(TimePoint now);
  void on_gathered(TimePoint now);
  void on_raw(link::RawMessage raw, TimePoint now);
  void on_message(const std::string& identity, Result<link::Message> message, TimePoint now);
  Result<void> on_known(LinkKey key, const link::Message& message, TimePoint now);
  Result<void> on_hello(const std::string& identity, const link::Body& body, TimePoint now);
  Result<void> on_result(LinkKey key, const link::Message& message, TimePoint now);
  void perform_actions(TimePoint now);
  void perform(const Send& action, TimePoint now);
  void perform(const Cancel& action, TimePoint now);
  void perform(Answer& action, TimePoint now);
  void perform(const Deliver& action, TimePoint now);
  void perform(const Bye& action, TimePoint now);
  void perform(const CloseLink& action, TimePoint now);
  void perform(const Notice& action, TimePoint now);
  void send_to_link(LinkKey key,
                    const link::Header& header,
                    std::span<const Buffer> body,
                    TimePoint now);
  void flush_links(TimePoint now);
  void beat(TimePoint now);

  // Control side (shard_actor.cc).
  void on_mail(TimePoint now);
  void receive(ShardInbox message, TimePoint now);
  void on_life_ended(const WorkerLifeEnded& ended, TimePoint now);
  void on_drain(const DrainShard& drain, TimePoint now);
  void on_view(const ClusterView& view, TimePoint now);
  void set_routes(const std::string& model, const ClusterView& view, TimePoint now);
  void learn_from_links();
  void tell_quiet();
  bool tell_control(ControlInbox message);  // false: its mailbox is full, and that was logged
  void met(const WorkerLink& link, bool met);
  void after_events(TimePoint now);
  void on_due(TimePoint now);
  void on_beat_timer(TimePoint now);

  IoLoop* loop_;
  ShardOptions options_;
  zmq::socket_t router_;
  actor::Mailbox<ShardInbox>* mailbox_;
  actor::Link<ControlInbox> control_;
  ShardMetrics metrics_;
  Dispatcher dispatcher_;
  ModelTable models_;
  WorkerLinks links_;
  std::string boot_id_;
  std::vector<std::pair<UniqueFd, std::uint32_t>> waiting_listeners_;
  HttpListener listener_;

  std::vector<Pending> pending_;    // by slot_of(id)
  std::vector<Replying> replying_;  // by the handle's connection: the last answer of each
  std::map<std::uint64_t, RequestHandle> asked_control_;  // by token
  std::map<std::uint64_t, RequestHandle> streams_;        // likewise, of answers that go on
  std::uint64_t last_token_ = 0;
  std::vector<Leaving> leaving_;
  Actions actions_;
  link::Encoder encoder_;
  std::vector<LinkKey> unflushed_;  // links with something in their bundle
  bool gathering_ = false;          // gather_post_ is on its way
  std::size_t came_ = 0;            // requests since it last looked
  Arrived arrived_;
  bool draining_ = false;
  std::string_view streams_end_;  // why streams end from now on; empty: they do not
  bool sent_ = false;             // to the ROUTER since it was last read
  TimePoint armed_ = TimePoint::max();

  LoopPost mail_post_;  // both: read again, once the handlers that are due have run
  LoopPost router_post_;
  LoopPost gather_post_;
  FdWatch mail_watch_;
  FdWatch router_watch_;
  LoopTimer due_timer_;
  LoopTimer beat_timer_;
};

}  // namespace sluice::gateway
