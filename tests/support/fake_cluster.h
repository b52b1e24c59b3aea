// A cluster played for clients that swap versions: KServe v2 inference of one model and the admin
// paths about versions, over real sockets, on a thread of its own. It misbehaves on demand.

#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {

struct FakeClusterOptions {
  std::vector<std::int64_t> versions{1, 2};
  std::int64_t served = 2;
  bool pinned = false;     // to `served`
  int looks_before = 2;    // at a rollout, until it switches
  bool roll_back = false;  // every rollout ends so
  bool refuse_rollout = false;
  bool forgets = false;  // control begins anew in the middle of a rollout: no pin, the old version
  bool wrong_after_switch = false;  // one answer in 100 is of the version that was replaced
  bool early_new = false;           // one in 100 of the new one while the rollout is starting
  bool duplicate = false;           // one answer in 100 is sent twice
  bool other_id = false;            // one answer in 100 has the id of the one before it
  bool drop = false;                // one request in 100 is answered by closing the connection
  bool fail = false;                // one in 100 is a 503
  bool close_often = false;         // one answer in 100 is the last of its connection, as it says
  int slow_us = 0;                  // every answer takes so long, one after the other
  int slow_while_rolling_us = 0;    // so much longer during rollouts
  std::uint64_t rolls_by_itself_at = 0;  // after so many answers, to the first version; 0: never
  std::string by = "policy";             // who began that
};

class FakeCluster {
 public:
  explicit FakeCluster(const FakeClusterOptions& options);
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;
  ~FakeCluster();

  [[nodiscard]] std::string url() const;
  // What was asked of the admin paths by POST: "path body".
  [[nodiscard]] std::vector<std::string> orders();
  [[nodiscard]] std::int64_t served() const { return served_.load(); }
  [[nodiscard]] bool pinned() const { return pinned_.load(); }

 private:
  struct Client {
    std::string received;
    std::string id_before;
  };
  void run();
  void take_client(int fd, Client& client);
  std::string answer(Client& client, const std::string& head, const std::string& body);
  std::string infer(Client& client, const std::string& head, const std::string& body);
  std::string order(const std::string& body);
  void begin(std::int64_t to, const std::string& by);
  std::string look_at_rollout();
  std::string rollout_json() const;
  std::string models_json() const;

  FakeClusterOptions options_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::atomic<std::int64_t> served_;
  std::atomic<bool> pinned_;
  std::int64_t from_ = 0;
  std::int64_t to_ = 0;  // of the last rollout; 0: there was none
  std::string phase_ = "none";
  std::string by_;
  int id_ = 0;
  int looks_ = 0;
  std::uint64_t answered_ = 0;
  std::map<int, Client> clients_;
  std::atomic<bool> locked_{false};
  std::vector<std::string> orders_;
  std::thread thread_;
};

}  // namespace sluice::test
