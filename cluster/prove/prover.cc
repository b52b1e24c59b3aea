#include "cluster/prove/prover.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cluster/infer/input_spec.h"
#include "cluster/infer/v2_client.h"
#include "cluster/prove/session.h"
#include "common/base/limits.h"
#include "worker/model/bench_inputs.h"

namespace sluice::cluster {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAfterSwap = milliseconds(250);   // still counted to the swap's window
constexpr auto kAfterMemory = milliseconds(50);  // that look holds the load up
constexpr auto kSwapTime = seconds(600);
constexpr auto kSettleTime = seconds(60);
constexpr auto kAnswerGrace = seconds(6);  // more than LoadClient's own
constexpr std::uint64_t kSeed = 1;

// The whole run.
class Run {
 public:
  Run(const ProveOptions& options, Endpoint endpoint, int interrupt, Progress& progress)
      : options_(options),
        progress_(progress),
        session_(std::move(endpoint), options.model, interrupt, progress) {}

  Result<Findings> run();

 private:
  Result<void> prepare();
  Result<InferRequest> make_request();
  void measure_capacity();
  Result<void> make_swaps();
  Result<void> be_quiet();
  Result<void> swap(std::int64_t to);
  Result<void> follow(std::int64_t to, SwapRecord& record);
  Result<void> observe();
  Result<void> put_back();
  Result<void> wait_for(const char* what, bool (Run::*reached)(const ModelState& state) const);
  [[nodiscard]] bool is_still(const ModelState& state) const;
  [[nodiscard]] bool is_as_before(const ModelState& state) const;
  void finish();

  Error intruder();
  void open_window(WindowKind kind) { session_.ledger().open_window(kind, session_.now()); }

  const ProveOptions& options_;
  Progress& progress_;
  Session session_;
  Findings findings_;
  ModelState before_;
  bool quiet_turned_ = false;  // which half is A
  bool somebody_else_ = false;
};

Result<InferRequest> Run::make_request() {
  SLUICE_TRY_ASSIGN(const AdminAnswer answer,
                    session_.call(model_path(options_.model, std::nullopt)));
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
  const TimePoint looked = session_.now();
  SLUICE_TRY_ASSIGN(before_, session_.look());
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
  session_.begin(request,
                 before_,
                 looked,
                 options_.connections,
                 options_.timeout.value_or(limits::kDefaultDeadline));
  findings_.model = options_.model;
  findings_.url = options_.url;
  findings_.connections = options_.connections;
  findings_.request_bytes = session_.request_size();
  findings_.swaps_wanted = options_.swaps;
  findings_.started_s = std::chrono::duration<double>(looked.time_since_epoch()).count();
  return {};
}

void Run::measure_capacity() {
  session_.load().run_closed(session_.now());
  session_.pass(options_.warm);
  const TimePoint began = session_.now();
  const std::uint64_t ok = session_.ledger().totals().ok;
  session_.pass(options_.capacity);
  const double took = std::chrono::duration<double>(session_.now() - began).count();
  findings_.capacity = static_cast<double>(session_.ledger().totals().ok - ok) / took;
  session_.load().stop(session_.now());
  session_.pass_until_idle(session_.ledger().deadline() + kAnswerGrace);
  progress_.say("capacity " + std::to_string(std::llround(findings_.capacity)) + " requests/s");
}

Error Run::intruder() {
  const RolloutLook& last = session_.rollouts().last();
  somebody_else_ = last.by == "operator";
  return Error{ErrorCode::unavailable,
               "a rollout of " + options_.model + " began that is not prove-swap's" +
                   (last.by.empty() ? "" : ", by the " + last.by)};
}

Result<void> Run::be_quiet() {
  for (int half = 0; half < 2; ++half) {
    open_window(quiet_turned_ == (half == 1) ? WindowKind::quiet_a : WindowKind::quiet_b);
    const TimePoint end = session_.now() + options_.quiet / 2;
    while (session_.now() < end && !session_.interrupted()) {
      SLUICE_TRY_ASSIGN(const RolloutWatch::News news, session_.watch());
      if (news.began) {
        return intruder();
      }
    }
  }
  quiet_turned_ = !quiet_turned_;
  open_window(WindowKind::other);
  return {};
}

Result<void> Run::make_swaps() {
  for (std::size_t i = 1;; ++i) {
    SLUICE_TRY(be_quiet());
    if (i > options_.swaps || session_.interrupted()) {
      return {};
    }
    SLUICE_TRY(swap(session_.ledger().served() == findings_.versions.front()
                        ? findings_.versions.back()
                        : findings_.versions.front()));
    if (const SwapRecord& last = findings_.swaps.back(); last.done) {
      progress_.say("swap " + std::to_string(i) + " of " + std::to_string(options_.swaps));
    } else {
      progress_.say("swap " + std::to_string(i) + ", to version " + std::to_string(last.to) +
                    ", was rolled back: " + last.reason);
    }
  }
}

// Until the rollout has ended, or control has forgotten it.
Result<void> Run::follow(std::int64_t to, SwapRecord& record) {
  const TimePoint end = session_.now() + kSwapTime;
  bool began = false;
  while (session_.now() < end) {
    SLUICE_TRY_ASSIGN(const RolloutWatch::News news, session_.watch());
    const RolloutLook& last = session_.rollouts().last();
    began = began || news.began;
    if (news.forgotten) {
      record.reason = "the cluster's control began anew in the middle of it";
      return {};
    }
    if (began && last.to != std::vector<std::int64_t>{to}) {
      return intruder();
    }
    if (began && !last.under_way()) {
      record.done = last.stage == RolloutLook::Stage::done;
      record.reason = last.reason;
      return {};
    }
  }
  return Error{ErrorCode::deadline_exceeded,
               "the rollout to version " + std::to_string(to) + " is still '" +
                   session_.rollouts().last().phase + "' after 10 minutes"};
}

Result<void> Run::swap(std::int64_t to) {
  SwapRecord record{.from = session_.ledger().served(), .to = to};
  const TimePoint began = session_.now();
  open_window(WindowKind::swap);
  while (session_.is_without_answer()) {
    SLUICE_TRY(session_.watch());
  }
  const std::string order = "{\"to\":" + std::to_string(to) + "}";
  if (const auto taken = session_.call(session_.rollout_path(), order); !taken) {
    return with_context(taken.error(), "the order to serve version " + std::to_string(to));
  }
  SLUICE_TRY(follow(to, record));
  record.took = session_.now() - began;
  SLUICE_TRY(wait_for("what was replaced is still there", &Run::is_still));
  for (const TimePoint end = session_.now() + kAfterSwap; session_.now() < end;) {
    SLUICE_TRY(session_.watch());
  }
  open_window(WindowKind::other);
  if (const auto memory = session_.memory()) {
    record.memory = *memory;
    session_.turn_until(session_.now() + kAfterMemory);
  }
  findings_.swaps.push_back(record);
  return {};
}

// Load alone: whoever rolls the model meanwhile, it is seen.
Result<void> Run::observe() {
  const TimePoint began = session_.now();
  const TimePoint end = began + options_.quiet;
  WindowKind open = WindowKind::quiet_a;
  open_window(open);
  TimePoint calm_from = began;
  SwapRecord record;
  TimePoint record_began = began;
  while (session_.now() < end && !session_.interrupted()) {
    const std::int64_t served = session_.ledger().served();
    SLUICE_TRY_ASSIGN(const RolloutWatch::News news, session_.watch());
    const RolloutLook& last = session_.rollouts().last();
    const TimePoint now = session_.now();
    if (news.began && !last.to.empty()) {
      record = {.from = served, .to = *std::ranges::max_element(last.to)};
      record_began = now;
    }
    if (news.ended && record.to != 0) {
      record.done = last.stage == RolloutLook::Stage::done;
      record.reason = last.reason;
      record.took = now - record_began;
      findings_.swaps.push_back(record);
      calm_from = now + kAfterSwap;
    }
    const WindowKind quiet =
        now - began < options_.quiet / 2 ? WindowKind::quiet_a : WindowKind::quiet_b;
    const WindowKind kind =
        session_.rollouts().rolling() || now < calm_from ? WindowKind::swap : quiet;
    if (kind != open) {
      open_window(kind);
      open = kind;
    }
  }
  open_window(WindowKind::other);
  return {};
}

// Nothing rolls, and what was replaced has ended or is kept warm.
bool Run::is_still(const ModelState& state) const {
  return !state.rolling && state.draining.empty();
}

// As much serves as did before: a lifted pin may bring back what the pin had left out.
bool Run::is_as_before(const ModelState& state) const {
  return is_still(state) && state.serving == before_.serving;
}

Result<void> Run::wait_for(const char* what, bool (Run::*reached)(const ModelState& state) const) {
  const TimePoint end = session_.now() + kSettleTime;
  while (session_.now() < end) {
    SLUICE_TRY_ASSIGN(const std::optional<ModelState> state, session_.look_patiently());
    if (state && (this->*reached)(*state)) {
      return {};
    }
    SLUICE_TRY(session_.watch());
  }
  return Error{ErrorCode::deadline_exceeded, std::string(what) + " after a minute"};
}

Result<void> Run::put_back() {
  SLUICE_TRY(wait_for("a rollout is still under way", &Run::is_still));
  SLUICE_TRY(session_.watch());
  if (session_.ledger().served() != *before_.served) {
    SLUICE_TRY(swap(*before_.served));
    const SwapRecord last = findings_.swaps.back();
    findings_.swaps.pop_back();  // it was not one of those asked for
    if (!last.done) {
      return Error{ErrorCode::unavailable, last.reason};
    }
  }
  SLUICE_TRY_ASSIGN(const std::optional<ModelState> state, session_.look_patiently());
  if (!before_.pin && state && state->pin) {
    SLUICE_TRY(session_.call(session_.rollout_path(), "{\"to\":\"policy\"}"));
  }
  return wait_for("what serves is not what did before", &Run::is_as_before);
}

void Run::finish() {
  Ledger& ledger = session_.ledger();
  session_.load().stop(session_.now());
  if (!session_.is_given_up()) {
    session_.pass_until_idle(ledger.deadline() + kAnswerGrace);
    session_.load().cut(session_.now());
    session_.pass_until_idle(ledger.deadline() + kAnswerGrace);
  }
  static_cast<void>(session_.look_at_rollout());  // decides what came since the last look
  session_.load().give_up(session_.now());
  ledger.close(session_.now());
  findings_.interrupted = session_.interrupted();
  findings_.totals = ledger.totals();
  const auto a = ledger.latencies_of(WindowKind::quiet_a);
  const auto b = ledger.latencies_of(WindowKind::quiet_b);
  const auto during = ledger.latencies_of(WindowKind::swap);
  findings_.quiet_a = pooled(a);
  findings_.quiet_b = pooled(b);
  findings_.during = pooled(during);
  if (options_.swaps > 0) {
    findings_.comparison = compare(during, a, b, kSeed);
  }
  for (const Window& window : ledger.windows()) {
    if (window.kind == WindowKind::swap) {
      findings_.failed_during += window.failed;
    } else if (window.kind != WindowKind::other) {
      findings_.failed_quiet += window.failed;
    }
  }
  findings_.seconds = ledger.seconds();
}

Result<Findings> Run::run() {
  SLUICE_TRY(prepare());
  if (options_.rate > 0) {
    findings_.rate = options_.rate;
  } else {
    measure_capacity();
    findings_.rate = findings_.capacity / 2;
  }
  if (session_.interrupted()) {
    return Error{ErrorCode::cancelled, "interrupted before the first swap: nothing was changed"};
  }
  if (findings_.rate <= 0) {
    const std::string reason = session_.ledger().totals().most_said();
    return Error{ErrorCode::unavailable,
                 options_.model + " answered no request" + (reason.empty() ? "" : ": " + reason) +
                     (options_.inputs.empty() ? " (--input says what to ask)" : "")};
  }
  const Result<MemoryUse> memory_before = session_.memory();
  session_.load().run_open(findings_.rate, session_.now());
  session_.pass(options_.warm);
  const Result<void> ran = options_.swaps > 0 ? make_swaps() : observe();
  if (!ran) {
    findings_.trouble = ran.error().detail;
  }
  if (somebody_else_) {
    findings_.trouble += ", and is left alone";
  } else if (session_.is_given_up()) {
    findings_.not_put_back = options_.model + " is as the silence left it";
  } else if (options_.swaps > 0) {
    if (const Result<void> back = put_back(); !back) {
      findings_.not_put_back = options_.model + " could not be put back: " + back.error().detail;
    }
  }
  finish();
  const Result<MemoryUse> memory_after = session_.memory();
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
