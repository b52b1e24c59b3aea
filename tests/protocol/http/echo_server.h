// EchoServer: an HttpListener on an ephemeral port with a loop of its own, whose handler answers by
// path. For tests over real sockets.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/process/unique_fd.h"
#include "gateway/net/http_listener.h"
#include "gateway/net/io_loop.h"

namespace sluice::gateway {

// Paths:
//   /echo    the request's body
//   /size    the number of its body's bytes, in decimal
//   /path    method, path and query
//   /big?N   N bytes
//   /hold    nothing until release()
//   /later   answered on the loop's next turn, after anything that came with it
//   others   404
class EchoServer : private RequestHandler {
 public:
  explicit EchoServer(const HttpOptions& options = {});
  ~EchoServer() override;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const HttpCounters& counters() const noexcept { return *counters_; }
  // Runs a function on the loop's thread and waits for it.
  void on_loop(const std::function<void(HttpListener&)>& work);
  // From now on every path is answered 200 with nothing.
  void answer_everything() { everything_ = true; }
  // Answers every held request, the last first.
  void release();
  [[nodiscard]] int held() const noexcept { return held_count_.load(); }
  [[nodiscard]] int abandoned() const noexcept { return abandoned_.load(); }
  [[nodiscard]] int replies_started() const noexcept { return started_.load(); }
  [[nodiscard]] bool drained() const noexcept { return drained_.load(); }

 private:
  void on_request(RequestHandle handle,
                  const ClientMessage& message,
                  const RequestFacts& facts) override;
  void on_abandoned(RequestHandle handle) override;
  void on_reply_started(RequestHandle /*handle*/, TimePoint /*now*/) override { ++started_; }
  void on_drained() override { drained_ = true; }
  void on_work(TimePoint now);
  void on_later(TimePoint now);
  void run(const HttpOptions& options, UniqueFd fd, std::promise<void>& ready);

  std::uint16_t port_ = 0;
  UniqueFd work_ready_;  // eventfd
  std::mutex mutex_;
  std::vector<std::function<void(HttpListener&)>> work_;
  IoLoop* loop_ = nullptr;
  HttpListener* listener_ = nullptr;
  LoopPost* later_ = nullptr;
  const HttpCounters* counters_ = nullptr;
  std::vector<RequestHandle> held_;
  std::vector<std::pair<RequestHandle, ClientReply>> delayed_;
  std::atomic<int> held_count_ = 0;
  std::atomic<int> abandoned_ = 0;
  std::atomic<int> started_ = 0;
  std::atomic<bool> drained_ = false;
  std::atomic<bool> everything_ = false;
  std::jthread thread_;
};

}  // namespace sluice::gateway
