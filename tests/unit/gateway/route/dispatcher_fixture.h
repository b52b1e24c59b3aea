// A dispatcher with words for what happens to it, and its actions as short texts: "send w0 r1/2"
// is the second attempt of the second accepted request on link 0.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/overloaded.h"
#include "gateway/route/dispatcher.h"

namespace sluice::gateway {

class DispatcherTest : public ::testing::Test {
 protected:
  using Texts = std::vector<std::string>;

  static constexpr Duration kSecond = std::chrono::seconds(1);
  static constexpr Duration kMs = std::chrono::milliseconds(1);

  explicit DispatcherTest(const DispatcherOptions& options = {}) : core_(options) {}

  void attach(LinkKey link, std::uint32_t credit = 2, std::int64_t version = 1) {
    attach_as(link, "worker" + std::to_string(link), credit, version);
  }
  // Admitted by control beforehand, its version expected and weighted unless that was said
  // otherwise. Its life has the name of its id.
  void attach_as(LinkKey link,
                 const std::string& worker,
                 std::uint32_t credit = 2,
                 std::int64_t version = 1) {
    declared_[version].workers.insert(worker);
    route();
    attach_held(link, worker, credit, version);
  }
  // As attach_as, but whether it is admitted is as was said last.
  void attach_held(LinkKey link,
                   const std::string& worker,
                   std::uint32_t credit = 2,
                   std::int64_t version = 1) {
    core_.on(WorkerAttached{.link = link,
                            .id = worker,
                            .worker = worker,
                            .model = "digits",
                            .version = version,
                            .credit = credit},
             now_,
             actions_);
  }
  void beat(LinkKey link, std::uint32_t credit = 2) {
    core_.on(HeartbeatArrived{.link = link, .credit = credit}, now_, actions_);
  }
  // The number of the accepted request, or -1; then `refusal_` says why.
  int ask(Duration timeout = 30 * kSecond, std::optional<std::int64_t> version = std::nullopt) {
    const auto id = core_.admit(Admit{.model = "digits",
                                      .version = version,
                                      .bytes = 10,
                                      .deadline = now_ + timeout,
                                      .wish = wish_ ? std::optional(now_ + *wish_) : std::nullopt,
                                      .priority = priority_},
                                now_,
                                actions_);
    if (!id) {
      refusal_ = id.error();
      return -1;
    }
    ids_.push_back(*id);
    attempts_.push_back(0);
    return static_cast<int>(ids_.size()) - 1;
  }
  void ask_times(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_GE(ask(), 0);
    }
  }
  // A result of the latest attempt that texts() has shown, or of `attempt`.
  void result(LinkKey link,
              std::size_t request,
              std::uint32_t attempt = 0,
              Duration service = kMs) {
    core_.on(ResultArrived{.link = link,
                           .id = ids_[request],
                           .attempt = attempt == 0 ? attempts_[request] : attempt,
                           .service = service},
             now_,
             actions_);
  }
  void failure(LinkKey link, std::size_t request, ErrorCode code) {
    core_.on(
        ResultArrived{
            .link = link, .id = ids_[request], .attempt = attempts_[request], .failure = code},
        now_,
        actions_);
  }
  void died(const std::string& worker,
            const std::vector<std::size_t>& running,
            bool killed = false) {
    std::vector<RequestId> ids;
    for (const std::size_t request : running) {
      ids.push_back(ids_[request]);
    }
    core_.on(WorkerDied{.worker = worker, .running = ids, .killed = killed}, now_, actions_);
  }
  void status(VersionState state, std::int64_t version = 1, const std::string& reason = {}) {
    declared_[version].state = state;
    declared_[version].reason = reason;
    route();
  }
  void weights(const std::map<std::int64_t, int>& weights) {
    for (const auto& [version, weight] : weights) {
      declared_[version].weight = weight;
    }
    route();
  }
  void retire(std::int64_t version) {
    declared_.erase(version);
    route();
  }
  // Tells the core all that was declared.
  void route() {
    std::vector<VersionRoute> routes;
    std::vector<std::vector<std::string>> workers;
    workers.reserve(declared_.size());
    for (const auto& [version, declared] : declared_) {
      workers.emplace_back(declared.workers.begin(), declared.workers.end());
      routes.push_back({.version = version,
                        .state = declared.state,
                        .reason = declared.reason,
                        .weight = declared.weight,
                        .workers = workers.back()});
    }
    core_.on(
        RouteSet{.model = "digits", .versions = routes, .expected = expected_, .rules = rules_},
        now_,
        actions_);
  }
  // Time passes; the core is ticked whenever it asked to be.
  void pass(Duration time) {
    const TimePoint end = now_ + time;
    while (core_.next_due() <= end) {
      now_ = std::max(now_, core_.next_due());
      core_.tick(now_, actions_);
    }
    now_ = end;
  }

  // What was decided since the last call; notices are left out.
  Texts texts() {
    Texts result;
    for (const Action& action : actions_) {
      std::visit(
          Overloaded{[&](const Send& send) {
                       attempts_[index_of(send.id)] = send.attempt;
                       result.push_back("send w" + std::to_string(send.link) + " " +
                                        words(send.id, send.attempt) +
                                        (send.alone ? " alone" : ""));
                     },
                     [&](const Cancel& cancel) {
                       result.push_back("cancel w" + std::to_string(cancel.link) + " " +
                                        words(cancel.id, cancel.attempt));
                     },
                     [&](const Answer& answer) {
                       result.push_back("answer r" + std::to_string(index_of(answer.id)) + " " +
                                        std::string(name_of(answer.error.code)) +
                                        (answer.quarantine ? " quarantine" : ""));
                     },
                     [&](const Deliver& deliver) {
                       result.push_back("deliver r" + std::to_string(index_of(deliver.id)));
                     },
                     [&](const Bye& bye) { result.push_back("bye w" + std::to_string(bye.link)); },
                     [&](const CloseLink& close) {
                       result.push_back("close w" + std::to_string(close.link));
                     },
                     [&](const Notice&) {}},
          action);
    }
    actions_.clear();
    return result;
  }

  std::size_t index_of(RequestId id) {
    for (std::size_t i = ids_.size(); i-- > 0;) {
      if (ids_[i] == id) {
        return i;
      }
    }
    return ids_.size();
  }

  struct Declared {
    VersionState state = VersionState::expected;
    std::string reason{};
    int weight = 100;
    std::set<std::string> workers{};
  };

  Dispatcher core_;
  std::map<std::int64_t, Declared> declared_;
  bool expected_ = false;
  QueueRules rules_;
  std::uint32_t priority_ = 0;    // of what is asked next
  std::optional<Duration> wish_;  // likewise
  TimePoint now_{std::chrono::hours(1)};
  Actions actions_;
  Error refusal_;
  std::vector<RequestId> ids_;

 private:
  std::string words(RequestId id, std::uint32_t attempt) {
    return "r" + std::to_string(index_of(id)) + "/" + std::to_string(attempt);
  }

  std::vector<std::uint32_t> attempts_;
};

}  // namespace sluice::gateway
