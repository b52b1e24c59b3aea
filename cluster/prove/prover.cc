#include "cluster/prove/prover.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <poll.h>

#include "cluster/infer/input_spec.h"
#include "cluster/infer/v2_client.h"
#include "cluster/prove/admin_call.h"
#include "cluster/prove/cluster_answers.h"
#include "cluster/prove/load_client.h"
#include "common/base/limits.h"
#include "worker/model/engine_bench.h"

namespace sluice::cluster {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLookEvery = milliseconds(10);
constexpr auto kAfterSwap = milliseconds(250);  // still counted to the swap's window
constexpr auto kSwapTime = seconds(600);
constexpr auto kRetireTime = seconds(60);
constexpr auto kAnswerGrace = seconds(6);  // more than LoadClient's own
constexpr std::uint64_t kSeed = 1;

std::string count_text(double number) {
  char text[32];
  static_cast<void>(std::snprintf(text, sizeof text, "%.0f", number));
  return text;
}

// The whole run; every wait drives the load too.
class Run {
 public:
  Run(const ProveOptions& options, Endpoint endpoint, int interrupt, Progress& progress)
      : options_(options),
        endpoint_(std::move(endpoint)),
        interrupt_(interrupt),
        progress_(progress) {}

  Result<Findings> run();

 private:
  Result<void> prepare();
  Result<InferRequest> make_request();
  void measure_capacity();
  Result<void> swap(std::int64_t to);
  Result<RolloutLook> follow(std::int64_t to);
  Result<void> wait_for_retirement(std::int64_t version);
  Result<void> put_back();
  Result<void> settle();
  void finish();

  Result<AdminAnswer> call(const std::string& path, const std::string& body = {});
  Result<ModelState> look();
  Result<MemoryUse> memory();
  void pass(Duration time);
  void pass_until_idle(Duration most);
  void turn(TimePoint until, const AdminCall* call);
  [[nodiscard]] std::string rollout_path() const {
    return "/sluice/models/" + model_path(options_.model, std::nullopt).substr(11) + "/rollout";
  }

  const ProveOptions& options_;
  Endpoint endpoint_;
  int interrupt_;
  Progress& progress_;
  SystemClock clock_;
  Findings findings_;
  ModelState before_;
  std::optional<ProbeRequest> request_;
  std::optional<Ledger> ledger_;
  std::optional<LoadClient> load_;
  bool quiet_turned_ = false;  // which half is A
  bool pinned_ = false;        // by an order of ours
};

void Run::turn(TimePoint until, const AdminCall* call) {
  std::vector<pollfd> others;
  if (interrupt_ >= 0 && !findings_.interrupted) {
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
    findings_.interrupted = true;
    progress_.interrupted();
  }
}

Result<AdminAnswer> Run::call(const std::string& path, const std::string& body) {
  AdminCall call(endpoint_, path, body);
  while (true) {
    SLUICE_TRY_ASSIGN(std::optional<AdminAnswer> answer, call.advance(clock_.now()));
    if (answer) {
      return expect_success(*std::move(answer));
    }
    turn(clock_.now() + kLookEvery, &call);
  }
}

Result<ModelState> Run::look() {
  SLUICE_TRY_ASSIGN(const AdminAnswer answer, call("/sluice/models"));
  return read_model(answer.body, options_.model);
}

Result<MemoryUse> Run::memory() {
  if (!endpoint_.is_loopback()) {
    return Error{ErrorCode::unavailable, "the cluster is not on a loopback address of this host"};
  }
  SLUICE_TRY_ASSIGN(const AdminAnswer answer, call("/sluice/status"));
  SLUICE_TRY_ASSIGN(const std::vector<pid_t> pids, read_worker_pids(answer.body));
  return memory_of_cluster(pids);
}

void Run::pass(Duration time) {
  const TimePoint end = clock_.now() + time;
  while (clock_.now() < end && !findings_.interrupted) {
    turn(end, nullptr);
  }
}

void Run::pass_until_idle(Duration most) {
  const TimePoint end = clock_.now() + most;
  while (!load_->idle() && clock_.now() < end) {
    turn(end, nullptr);
  }
}

Result<InferRequest> Run::make_request() {
  SLUICE_TRY_ASSIGN(const AdminAnswer answer, call(model_path(options_.model, std::nullopt)));
  SLUICE_TRY_ASSIGN(const ModelInfo model, decode_metadata(answer.body));
  InferRequest request;
  request.model = options_.model;
  request.timeout = options_.timeout;
  if (options_.inputs.empty()) {
    SLUICE_TRY_ASSIGN(request.inputs, model::bench_inputs(model, {}));
  } else {
    SLUICE_TRY_ASSIGN(request.inputs, read_inputs(options_.inputs, model));
  }
  SLUICE_TRY(validate(request, model));
  return request;
}

Result<void> Run::prepare() {
  SLUICE_TRY_ASSIGN(before_, look());
  if (options_.swaps > 0) {
    SLUICE_TRY_ASSIGN(const std::int64_t other, other_version(before_, options_.model));
    findings_.versions = {*before_.served, other};
  } else if (before_.served) {
    findings_.versions = {*before_.served};
  } else {
    return Error{
        ErrorCode::unavailable,
        options_.model + " is not ready" + (before_.trouble.empty() ? "" : ": " + before_.trouble)};
  }
  SLUICE_TRY_ASSIGN(const InferRequest request, make_request());
  request_.emplace(request, endpoint_.shown());
  const TimePoint now = clock_.now();
  const Duration deadline = options_.timeout.value_or(limits::kDefaultDeadline);
  ledger_.emplace(options_.model, *before_.served, deadline, now);
  load_.emplace(endpoint_,
                *request_,
                *ledger_,
                LoadOptions{.connections = options_.connections, .deadline = deadline});
  findings_.model = options_.model;
  findings_.url = options_.url;
  findings_.connections = options_.connections;
  findings_.request_bytes = request_->body_size();
  findings_.swaps_wanted = options_.swaps;
  findings_.started_s = std::chrono::duration<double>(now.time_since_epoch()).count();
  return {};
}

void Run::measure_capacity() {
  load_->run_closed(clock_.now());
  pass(options_.warm);
  const TimePoint began = clock_.now();
  const std::uint64_t ok = ledger_->totals().ok;
  pass(options_.capacity);
  const double took = std::chrono::duration<double>(clock_.now() - began).count();
  load_->stop(clock_.now());
  pass_until_idle(ledger_->deadline() + kAnswerGrace);
  findings_.capacity = static_cast<double>(ledger_->totals().ok - ok) / took;
  progress_.say("capacity " + count_text(findings_.capacity) + " requests/s");
}

Result<RolloutLook> Run::follow(std::int64_t to) {
  const TimePoint end = clock_.now() + kSwapTime;
  while (true) {
    SLUICE_TRY_ASSIGN(const AdminAnswer answer, call(rollout_path()));
    SLUICE_TRY_ASSIGN(const RolloutLook state, read_rollout(answer.body));
    if (state.to != std::vector<std::int64_t>{to}) {
      return Error{ErrorCode::unavailable,
                   "somebody else began another rollout of " + options_.model};
    }
    switch (state.stage) {
      case RolloutLook::Stage::none:
      case RolloutLook::Stage::before:
        ledger_->on_not_switched(answer.sent);
        break;
      case RolloutLook::Stage::between:
        break;
      case RolloutLook::Stage::done:
        ledger_->on_switched(answer.received);
        return state;
      case RolloutLook::Stage::back:
        ledger_->on_rolled_back(answer.received);
        return state;
    }
    if (clock_.now() > end) {
      return Error{ErrorCode::deadline_exceeded,
                   "the rollout to version " + std::to_string(to) + " is still '" + state.phase +
                       "' after 10 minutes"};
    }
    for (const TimePoint next = clock_.now() + kLookEvery; clock_.now() < next;) {
      turn(next, nullptr);
    }
  }
}

// Until the version's processes have ended, or are kept warm.
Result<void> Run::wait_for_retirement(std::int64_t version) {
  const TimePoint end = clock_.now() + kRetireTime;
  while (clock_.now() < end) {
    SLUICE_TRY_ASSIGN(const ModelState state, look());
    if (std::ranges::find(state.draining, version) == state.draining.end()) {
      return {};
    }
    for (const TimePoint next = clock_.now() + kLookEvery; clock_.now() < next;) {
      turn(next, nullptr);
    }
  }
  return Error{ErrorCode::deadline_exceeded,
               "version " + std::to_string(version) + " still drains after a minute"};
}

Result<void> Run::swap(std::int64_t to) {
  SwapRecord record{.from = ledger_->served(), .to = to};
  const TimePoint began = clock_.now();
  ledger_->open_window(WindowKind::swap, began);
  ledger_->on_order(to, began);
  if (const auto order = call(rollout_path(), "{\"to\":" + std::to_string(to) + "}"); !order) {
    ledger_->on_rolled_back(clock_.now());
    return with_context(order.error(), "the order to serve version " + std::to_string(to));
  }
  pinned_ = true;
  SLUICE_TRY_ASSIGN(const RolloutLook state, follow(to));
  record.took = clock_.now() - began;
  record.done = state.stage == RolloutLook::Stage::done;
  record.reason = state.reason;
  findings_.swaps.push_back(record);
  SLUICE_TRY(wait_for_retirement(record.done ? record.from : to));
  for (const TimePoint end = clock_.now() + kAfterSwap; clock_.now() < end;) {
    turn(end, nullptr);
  }
  ledger_->open_window(WindowKind::other, clock_.now());
  if (!record.done) {
    progress_.say("the swap to version " + std::to_string(to) +
                  " was rolled back: " + state.reason);
  }
  return {};
}

Result<void> Run::put_back() {
  if (ledger_->served() != *before_.served) {
    SLUICE_TRY(swap(*before_.served));
    const SwapRecord last = findings_.swaps.back();
    findings_.swaps.pop_back();  // it was not one of those asked for
    if (!last.done) {
      return Error{ErrorCode::unavailable, last.reason};
    }
  }
  if (!before_.pin && pinned_) {
    SLUICE_TRY_ASSIGN(const AdminAnswer lifted, call(rollout_path(), "{\"to\":\"policy\"}"));
    static_cast<void>(lifted);
  }
  return settle();
}

// Until as much serves as did before: a lifted pin may bring back what the pin had left out.
Result<void> Run::settle() {
  const TimePoint end = clock_.now() + kRetireTime;
  while (clock_.now() < end) {
    SLUICE_TRY_ASSIGN(const ModelState state, look());
    if (!state.rolling && state.draining.empty() && state.serving == before_.serving) {
      return {};
    }
    for (const TimePoint next = clock_.now() + kLookEvery; clock_.now() < next;) {
      turn(next, nullptr);
    }
  }
  return Error{ErrorCode::deadline_exceeded, "what serves is not what did before, after a minute"};
}

void Run::finish() {
  load_->stop(clock_.now());
  pass_until_idle(ledger_->deadline() + kAnswerGrace);
  load_->give_up(clock_.now());
  findings_.totals = ledger_->totals();
  const auto a = ledger_->latencies_of(WindowKind::quiet_a);
  const auto b = ledger_->latencies_of(WindowKind::quiet_b);
  const auto during = ledger_->latencies_of(WindowKind::swap);
  findings_.quiet_a = pooled(a);
  findings_.quiet_b = pooled(b);
  findings_.during = pooled(during);
  findings_.comparison = compare(during, a, b, kSeed);
  for (const Window& window : ledger_->windows()) {
    if (window.kind == WindowKind::swap) {
      findings_.failed_during += window.failed;
    } else if (window.kind != WindowKind::other) {
      findings_.failed_quiet += window.failed;
    }
  }
  findings_.seconds = ledger_->seconds();
}

Result<Findings> Run::run() {
  SLUICE_TRY(prepare());
  if (options_.rate > 0) {
    findings_.rate = options_.rate;
  } else {
    measure_capacity();
    findings_.rate = findings_.capacity / 2;
  }
  if (findings_.interrupted) {
    return Error{ErrorCode::cancelled, "interrupted before the first swap: nothing was changed"};
  }
  if (findings_.rate <= 0) {
    return Error{ErrorCode::unavailable, options_.model + " answered no request"};
  }
  const Result<MemoryUse> memory_before = memory();
  load_->run_open(findings_.rate, clock_.now());
  pass(options_.warm);
  Result<void> swapped;
  for (std::size_t i = 0; !findings_.interrupted && swapped; ++i) {
    for (int half = 0; half < 2; ++half) {
      ledger_->open_window(quiet_turned_ == (half == 1) ? WindowKind::quiet_a : WindowKind::quiet_b,
                           clock_.now());
      pass(options_.quiet / 2);
    }
    quiet_turned_ = !quiet_turned_;
    ledger_->open_window(WindowKind::other, clock_.now());
    if (i == options_.swaps || findings_.interrupted) {
      break;
    }
    swapped = swap(ledger_->served() == findings_.versions.front() ? findings_.versions.back()
                                                                   : findings_.versions.front());
    if (swapped && findings_.swaps.back().done) {
      progress_.say("swap " + std::to_string(i + 1) + " of " + std::to_string(options_.swaps));
    }
  }
  if (!swapped) {
    findings_.trouble = swapped.error().detail;
  }
  if (ledger_->swapping()) {
    findings_.trouble += "; " + options_.model + " was left as it is";
  } else if (const Result<void> back = options_.swaps > 0 ? put_back() : Result<void>(); !back) {
    findings_.trouble = options_.model + " could not be put back: " + back.error().detail;
  }
  finish();
  const Result<MemoryUse> memory_after = memory();
  if (memory_before && memory_after) {
    findings_.before = *memory_before;
    findings_.after = *memory_after;
  } else {
    findings_.memory_left_out =
        memory_before ? memory_after.error().detail : memory_before.error().detail;
  }
  return std::move(findings_);
}

}  // namespace

Result<Findings> prove_swap(const ProveOptions& options, int interrupt, Progress& progress) {
  SLUICE_TRY_ASSIGN(const HttpAddress address, parse_url(options.url));
  SLUICE_TRY_ASSIGN(Endpoint endpoint, Endpoint::resolve(address));
  return Run(options, std::move(endpoint), interrupt, progress).run();
}

}  // namespace sluice::cluster
