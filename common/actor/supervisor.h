// Supervisor: the threads of one process. It starts its children in order, each after the one
// before has reported ready; hears when one ends; and decides: start it again, or end the process,
// because the machine's supervisor (the node, the parent) is better at that.
//
// Worker processes are not its business: cluster/node watches those.

#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/actor/thread.h"
#include "common/base/time.h"

namespace sluice::actor {

struct RestartPolicy {
  int max_count = 0;  // within `window`; 0: its end ends the process
  Duration window = std::chrono::seconds(10);
};

// Pure: what the death of a child at `now` calls for.
class RestartHistory {
 public:
  explicit RestartHistory(RestartPolicy policy) : policy_(policy) {}
  // True: start it again. False: too many within the window.
  bool may_restart(TimePoint now);

 private:
  RestartPolicy policy_;
  std::deque<TimePoint> restarts_;
};

struct ChildReady {
  std::string name;
};
// A child's body returned, or an exception escaped it.
struct ChildDown {
  std::string name;
  std::string reason;  // empty: it returned because it was told to stop
};
using SupervisorInbox = std::variant<ChildReady, ChildDown>;

struct ChildSpec {
  std::string name;  // of the thread, in logs
  RestartPolicy policy;
  // The thread's whole life. Calls ready() once it serves. Called again for a restart.
  std::function<void(const std::function<void()>& ready)> body;
};

// Runs on: the process' main loop.
// Receives: ChildReady, ChildDown (from its own threads).
// Sends:    nothing; calls `on_end` once all children have ended or one failed beyond its policy.
class Supervisor {
 public:
  // `on_end` gets the reason of the failure, empty after an orderly end. It should stop the loop.
  Supervisor(Wiring& wiring, Loop& loop, std::function<void(const std::string& reason)> on_end);

  void add(ChildSpec spec);
  void start();  // starts the first; the others follow as each reports ready
  // `on_ready` is called once when the last child is ready.
  void when_ready(std::function<void()> on_ready) { on_ready_ = std::move(on_ready); }
  // From now on a child's return is expected.
  void expect_end() noexcept { ending_ = true; }

  void receive(SupervisorInbox message, TimePoint now);

 private:
  struct Child {
    ChildSpec spec;
    RestartHistory history;
    std::unique_ptr<Thread> thread;
    bool running = false;
    bool was_ready = false;
  };

  void start_child(Child& child);
  void start_next();
  void on_ready(const ChildReady& message);
  void on_down(const ChildDown& message, TimePoint now);
  Child& find(const std::string& name);

  Wiring* wiring_;
  Loop* loop_;
  std::function<void(const std::string&)> on_end_;
  std::function<void()> on_ready_;
  Mailbox<SupervisorInbox> mailbox_;
  std::vector<std::unique_ptr<Child>> children_;
  bool ending_ = false;
};

}  // namespace sluice::actor
