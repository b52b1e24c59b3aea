// A run's hold on the cluster: one poll loop for the load, the admin paths and the interrupt. Every
// wait drives the load too.

#pragma once

#include <optional>
#include <string>

#include "cluster/prove/admin_call.h"
#include "cluster/prove/cluster_answers.h"
#include "cluster/prove/load_client.h"
#include "cluster/prove/memory_use.h"
#include "cluster/prove/progress.h"
#include "cluster/prove/rollout_watch.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace sluice::cluster {

class Session {
 public:
  // `interrupt`: a descriptor that becomes readable when the run shall end early; -1: none.
  Session(Endpoint endpoint, std::string model, int interrupt, Progress& progress);

  // The load, and the watch over rollouts from now on. `state`: what `look` said that was sent at
  // `looked`.
  void begin(const InferRequest& request,
             const ModelState& state,
             TimePoint looked,
             std::size_t connections,
             Duration deadline);

  Result<AdminAnswer> call(const std::string& path, const std::string& body = {});
  Result<ModelState> look();
  // Tells the ledger. When control began anew: what the rollout came to is found out too.
  Result<RolloutWatch::News> look_at_rollout();

  // The same for the middle of a run. A gateway that is being replaced does not answer for a while,
  // nor does it know its models at first: no news, until that has lasted for kGone.
  Result<RolloutWatch::News> watch();  // a little later
  Result<std::optional<ModelState>> look_patiently();
  [[nodiscard]] bool is_without_answer() const noexcept { return gone_since_.has_value(); }
  [[nodiscard]] bool is_given_up() const noexcept { return given_up_; }

  // PSS of the cluster's processes; an error when they are not on this host.
  Result<MemoryUse> memory();

  void turn_until(TimePoint end);
  // Ends early when interrupted.
  void pass(Duration time);
  void pass_until_idle(Duration most);

  // "/sluice/models/M/rollout"
  [[nodiscard]] const std::string& rollout_path() const noexcept { return rollout_path_; }
  [[nodiscard]] TimePoint now() const { return clock_.now(); }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
  // After `begin`:
  [[nodiscard]] Ledger& ledger() noexcept { return *ledger_; }
  [[nodiscard]] LoadClient& load() noexcept { return *load_; }
  [[nodiscard]] const RolloutWatch& rollouts() const noexcept { return *watch_; }
  [[nodiscard]] std::size_t request_size() const noexcept { return request_->body_size(); }

 private:
  void turn(TimePoint until, const AdminCall* call);
  template <class Value>
  Result<std::optional<Value>> bear(Result<Value> answer);

  Endpoint endpoint_;
  std::string model_;
  std::string rollout_path_;
  int interrupt_;
  Progress& progress_;
  SystemClock clock_;
  std::optional<ProbeRequest> request_;
  std::optional<Ledger> ledger_;
  std::optional<LoadClient> load_;
  std::optional<RolloutWatch> watch_;
  bool interrupted_ = false;
  std::optional<TimePoint> gone_since_;
  bool given_up_ = false;
};

}  // namespace sluice::cluster
