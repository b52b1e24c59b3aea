#include "cluster/prove/session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <poll.h>

#include "cluster/infer/v2_client.h"

namespace sluice::cluster {

namespace {

using std::chrono::milliseconds;

constexpr auto kLookEvery = milliseconds(10);
constexpr auto kGone = std::chrono::seconds(10);  // without an answer: it is not coming back

std::string rollout_path_of(const std::string& model) {
  constexpr std::size_t kPrefix = std::string_view("/v2/models/").size();
  return "/sluice/models/" + model_path(model, std::nullopt).substr(kPrefix) + "/rollout";
}

}  // namespace

Session::Session(Endpoint endpoint, std::string model, int interrupt, Progress& progress)
    : endpoint_(std::move(endpoint)),
      model_(std::move(model)),
      rollout_path_(rollout_path_of(model_)),
      interrupt_(interrupt),
      progress_(progress) {}

void Session::begin(const InferRequest& request,
                    const ModelState& state,
                    TimePoint looked,
                    std::size_t connections,
                    Duration deadline) {
  request_.emplace(request, endpoint_.shown());
  ledger_.emplace(model_, *state.served, deadline, looked);
  load_.emplace(endpoint_,
                *request_,
                *ledger_,
                LoadOptions{.connections = connections, .deadline = deadline});
  watch_.emplace(*ledger_, state.rollout);
}

void Session::turn(TimePoint until, const AdminCall* call) {
  std::vector<pollfd> others;
  if (interrupt_ >= 0 && !interrupted_) {
    others.push_back({.fd = interrupt_, .events = POLLIN, .revents = 0});
  }
  if (call != nullptr) {
    others.push_back({.fd = call->fd(), .events = call->events(), .revents = 0});
  }
  if (load_) {
    load_->turn(until, others);
  } else {
    const auto wait = std::chrono::ceil<milliseconds>(until - clock_.now()).count();
    static_cast<void>(::poll(
        others.data(), others.size(), static_cast<int>(std::clamp<std::int64_t>(wait, 0, 100))));
  }
  if (!others.empty() && others.front().fd == interrupt_ && others.front().revents != 0) {
    interrupted_ = true;
    progress_.interrupted();
  }
}

Result<AdminAnswer> Session::call(const std::string& path, const std::string& body) {
  AdminCall call(endpoint_, path, body);
  while (true) {
    SLUICE_TRY_ASSIGN(std::optional<AdminAnswer> answer, call.advance(clock_.now()));
    if (answer) {
      return expect_success(*std::move(answer));
    }
    turn(clock_.now() + kLookEvery, &call);
  }
}

Result<ModelState> Session::look() {
  SLUICE_TRY_ASSIGN(const AdminAnswer answer, call("/sluice/models"));
  return read_model(answer.body, model_);
}

Result<RolloutWatch::News> Session::look_at_rollout() {
  SLUICE_TRY_ASSIGN(const AdminAnswer answer, call(rollout_path_));
  SLUICE_TRY_ASSIGN(const RolloutLook look, read_rollout(answer.body));
  const RolloutWatch::News news = watch_->on_look(look, answer.sent, answer.received);
  if (watch_->unsure()) {
    SLUICE_TRY_ASSIGN(const AdminAnswer models, call("/sluice/models"));
    SLUICE_TRY_ASSIGN(const ModelState state, read_model(models.body, model_));
    if (state.served && !state.rolling) {
      watch_->on_served(*state.served, models.sent, models.received);
    }
  }
  return news;
}

template <class Value>
Result<std::optional<Value>> Session::bear(Result<Value> answer) {
  if (answer) {
    gone_since_.reset();
    return std::optional(*std::move(answer));
  }
  const ErrorCode code = answer.error().code;
  if (code != ErrorCode::unavailable && code != ErrorCode::deadline_exceeded &&
      code != ErrorCode::not_found) {
    return answer.error();
  }
  if (!gone_since_) {
    gone_since_ = clock_.now();
  }
  if (clock_.now() - *gone_since_ > kGone) {
    given_up_ = true;
    return with_context(answer.error(), "the cluster has been silent for 10 s");
  }
  return std::optional<Value>();
}

Result<RolloutWatch::News> Session::watch() {
  turn_until(clock_.now() + kLookEvery);
  SLUICE_TRY_ASSIGN(const std::optional<RolloutWatch::News> news, bear(look_at_rollout()));
  return news.value_or(RolloutWatch::News{});
}

Result<std::optional<ModelState>> Session::look_patiently() {
  return bear(look());
}

Result<MemoryUse> Session::memory() {
  if (!endpoint_.is_loopback()) {
    return Error{ErrorCode::unavailable, "the cluster is not on a loopback address of this host"};
  }
  SLUICE_TRY_ASSIGN(const AdminAnswer answer, call("/sluice/status"));
  SLUICE_TRY_ASSIGN(const std::vector<pid_t> pids, read_worker_pids(answer.body));
  return memory_of_cluster(pids);
}

void Session::turn_until(TimePoint end) {
  while (clock_.now() < end) {
    turn(end, nullptr);
  }
}

void Session::pass(Duration time) {
  const TimePoint end = clock_.now() + time;
  while (clock_.now() < end && !interrupted_) {
    turn(end, nullptr);
  }
}

void Session::pass_until_idle(Duration most) {
  const TimePoint end = clock_.now() + most;
  while (!load_->idle() && clock_.now() < end) {
    turn(end, nullptr);
  }
}

}  // namespace sluice::cluster
