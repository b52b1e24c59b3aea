// FakeControl: a gateway's control endpoint played by a test for one node and its workers. One
// thread: everything happens inside pump() and the calls that send.

#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "common/link/control_messages.h"
#include "common/link/repository_messages.h"

namespace sluice::test {

class FakeControl {
 public:
  explicit FakeControl(const std::string& dir);

  [[nodiscard]] static std::string endpoint(const std::string& dir) {
    return "ipc://" + dir + "/control.sock";
  }

  // Reads what is there, welcomes, beats; waits a little for something to come.
  void pump();
  [[nodiscard]] bool pump_until(const std::function<bool()>& condition,
                                std::chrono::milliseconds limit = std::chrono::seconds(20));

  void assign(std::uint64_t sequence, std::vector<link::AssignedWorker> workers);
  void look(std::uint64_t sequence);

  // The node's last words.
  [[nodiscard]] const std::optional<link::Repository>& repository() const { return repository_; }
  [[nodiscard]] const std::optional<link::NodeReport>& report() const { return report_; }
  [[nodiscard]] int repositories() const { return repositories_; }
  [[nodiscard]] const std::vector<link::WorkerDied>& deaths() const { return deaths_; }
  // Of the last report; absent: not in it.
  [[nodiscard]] std::optional<link::WorkerReport> worker(const std::string& id) const;
  [[nodiscard]] link::WorkerState state(const std::string& id) const;
  [[nodiscard]] std::string stamp(const std::string& model, std::int64_t version) const;
  // Every state in which a report has shown the worker, in order, without repeats.
  [[nodiscard]] std::vector<link::WorkerState> states(const std::string& id) const;

 private:
  void on_message(const std::string& identity, const link::Message& message);
  void send(const std::string& identity, const link::Message& message);

  zmq::context_t context_{1};
  zmq::socket_t router_;
  std::string node_;  // its identity; empty: has not said hello
  std::set<std::string> peers_;
  std::optional<link::Repository> repository_;
  std::optional<link::NodeReport> report_;
  int repositories_ = 0;
  std::vector<link::WorkerDied> deaths_;
  std::map<std::string, std::vector<link::WorkerState>> states_;
  std::chrono::steady_clock::time_point next_beat_{};
};

}  // namespace sluice::test
