// The load of prove-swap: the same request again and again over keep-alive connections, one
// outstanding on each, all on one thread.
//
// Open loop: requests are due by a schedule, whether or not answers came, and latency counts from
// the scheduled moment. One that finds no free connection is sent as soon as there is one. Closed
// loop: each connection sends as soon as it was answered.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include <poll.h>

#include "cluster/prove/connection.h"
#include "cluster/prove/ledger.h"
#include "cluster/prove/probe_request.h"
#include "common/base/time.h"

namespace sluice::cluster {

struct LoadOptions {
  std::size_t connections = 64;
  Duration deadline{};  // of a request, as the server knows it
};

class LoadClient {
 public:
  // All three must outlive it.
  LoadClient(const Endpoint& endpoint, ProbeRequest& request, Ledger& ledger, LoadOptions options);

  void run_closed(TimePoint now);
  void run_open(double per_second, TimePoint now);
  // Nothing is due any more after `now`; what was due before is still sent.
  void stop(TimePoint now);
  [[nodiscard]] bool idle() const;
  // Nothing is sent any more: what was due is unsent. Answers are still taken.
  void cut(TimePoint now);
  // Ends every wait, too: what has no answer is lost.
  void give_up(TimePoint now);

  // Sends what is due, waits until there is something to do or `until` has come, and takes what
  // came. Returns early when one of `others` is ready, with its `revents` set.
  void turn(TimePoint until, std::vector<pollfd>& others);

 private:
  enum class Mode : std::uint8_t { stopped, closed, open };
  struct Slot {
    explicit Slot(const Endpoint& endpoint) : connection(endpoint) {}
    Connection connection;
    std::uint64_t id = 0;  // of its outstanding request; 0: none
    TimePoint sent;
    TimePoint not_before;  // of the next attempt to connect
  };

  [[nodiscard]] std::optional<TimePoint> next_due() const;
  [[nodiscard]] TimePoint scheduled(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t due_count(TimePoint now) const;
  void send_due(TimePoint now);
  void connect_closed(TimePoint now);
  TimePoint wake_time(TimePoint until, TimePoint now) const;
  void advance(std::size_t slot, TimePoint now);
  void on_answer(std::size_t slot, const AnswerView& answer, TimePoint now);
  void on_broken(std::size_t slot, const Error& error, TimePoint now);
  void look_for_overdue(TimePoint now);

  ProbeRequest& request_;
  Ledger& ledger_;
  LoadOptions options_;
  SystemClock clock_;
  std::deque<Slot> slots_;
  std::deque<std::size_t> free_;  // connected and idle; the one that has been so longest first
  std::size_t busy_ = 0;          // with a request outstanding
  std::vector<pollfd> polled_;
  std::vector<std::size_t> polled_slots_;
  Mode mode_ = Mode::stopped;
  double per_second_ = 0;
  TimePoint began_{};
  TimePoint ended_ = TimePoint::max();
  std::uint64_t next_number_ = 0;  // of the schedule
  TimePoint looked_for_overdue_{};
};

}  // namespace sluice::cluster
