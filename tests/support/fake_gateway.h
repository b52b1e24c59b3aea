// FakeGateway: the gateway's ends of the worker link, played by a test over real sockets. One
// thread: everything happens inside pump() and the calls that send.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "common/link/control_messages.h"
#include "common/link/infer.h"
#include "common/link/zmq_message.h"

namespace sluice::test {

struct FakeGatewayOptions {
  std::string dir;  // for the ipc sockets
  int shards = 1;
  Duration interval = std::chrono::milliseconds(50);
  std::string id = "gateway-1";
};

// What came back for one request.
struct FakeAnswer {
  link::Header header;
  Result<InferResponse> response = Error{ErrorCode::internal, "no answer"};
};

// The newest link of a worker at control or at a shard.
struct FakePeer {
  std::string identity;  // empty: nobody has said hello yet
  link::Hello hello;
  int hellos = 0;
  int beats = 0;
  link::Heartbeat beat;  // the last one
  bool drained = false;
  bool bye = false;
  std::vector<link::StateChange> states;  // at control
};

class FakeGateway {
 public:
  explicit FakeGateway(const FakeGatewayOptions& options);

  [[nodiscard]] static std::string control_endpoint(const std::string& dir) {
    return "ipc://" + dir + "/control.sock";
  }

  // Reads what is there, welcomes, beats; waits at most `wait` for something to come.
  void pump(std::chrono::milliseconds wait = std::chrono::milliseconds(5));
  [[nodiscard]] bool pump_until(const std::function<bool()>& condition,
                                std::chrono::milliseconds limit = std::chrono::seconds(10));
  // True when every shard has a link with a hello.
  [[nodiscard]] bool attached() const;

  [[nodiscard]] FakePeer& control() { return peers_[0]; }
  [[nodiscard]] FakePeer& shard(int index = 0) {
    return peers_[static_cast<std::size_t>(index) + 1];
  }

  link::Sent infer(RequestId id,
                   const InferRequest& request,
                   Duration left = std::chrono::seconds(10),
                   int shard = 0);
  link::Sent send_to_shard_peer(const link::Message& message, int shard = 0);
  link::Sent send_to_control_peer(const link::Message& message);
  // Frames as they are, however broken.
  void send_raw_to_shard_peer(const std::vector<std::string>& frames, int shard = 0);

  // The answer to `id`, waited for.
  std::optional<FakeAnswer> answer(RequestId id);
  [[nodiscard]] const std::map<RequestId, FakeAnswer>& answers() const { return answers_; }
  [[nodiscard]] int answers_twice() const { return answers_twice_; }
  [[nodiscard]] int garbage() const { return garbage_; }
  // Bytes of the largest bundle that has come. A welcome of this gateway says nothing of them.
  [[nodiscard]] std::size_t largest_bundle() const { return largest_bundle_; }

  // A gateway that is there and says nothing: neither welcome nor heartbeat.
  void set_silent(bool silent) { silent_ = silent; }

 private:
  void read(std::size_t end);
  void on_message(std::size_t end, const std::string& identity, const link::Message& message);
  void on_answer(const link::Message& message);
  void welcome(std::size_t end);
  void beat_when_due();

  FakeGatewayOptions options_;
  zmq::context_t context_{1};
  std::vector<zmq::socket_t> routers_;  // [0] control, then the shards
  std::vector<std::string> endpoints_;  // of the shards
  std::vector<FakePeer> peers_;         // as routers_
  std::map<RequestId, FakeAnswer> answers_;
  int answers_twice_ = 0;
  int garbage_ = 0;
  std::size_t largest_bundle_ = 0;
  bool silent_ = false;
  std::chrono::steady_clock::time_point next_beat_{};
};

}  // namespace sluice::test
