// PeerLink: one end the worker dials (control, or a shard): its Attach and the socket of the
// moment.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <zmq.hpp>

#include "common/actor/loop.h"
#include "common/link/zmq_message.h"
#include "worker/serve/attach.h"

namespace sluice::worker {

struct PeerLink {
  PeerLink(std::string to, Duration interval) : endpoint(std::move(to)), attach(interval) {}

  // Closes the socket, if any, and dials with a routing id that nobody had before. False when there
  // is no socket to be had now; the attach asks again.
  bool open(zmq::context_t& context, actor::Loop& on, const std::string& identity);
  // `linger`: how long what was sent may still go out.
  void close(actor::Loop& on, std::chrono::milliseconds linger = {});

  // False: not sent, because there is no socket or the peer does not read.
  bool send(const link::Message& message);
  // The same, but small ones wait for company until flush() or send().
  bool post(const link::Message& message);
  bool flush();

  std::string endpoint;
  Attach attach;
  actor::Loop::Handler on_readable;
  zmq::socket_t socket;         // empty between close and open
  link::Bundle bundle;          // what waits to be sent
  actor::Loop* loop = nullptr;  // of the watch
  actor::WatchId watch = 0;
  std::uint64_t number = 0;  // of the socket, unique in this worker: LinkRef::attach
  std::string gateway_id;    // of its welcome
  bool same_clock = false;   // its readings of CLOCK_MONOTONIC mean something here
  bool finished = false;     // while draining: it said bye or is lost

 private:
  bool noted(link::Sent outcome);
};

}  // namespace sluice::worker
