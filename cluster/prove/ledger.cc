#include "cluster/prove/ledger.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cluster/prove/probe_request.h"
#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

constexpr auto kLateAfter = std::chrono::milliseconds(50);
constexpr std::size_t kWordsMost = 16;  // different sentences that are kept

}  // namespace

std::uint64_t Totals::errors_in_all() const {
  return std::accumulate(
      errors.begin(), errors.end(), std::uint64_t{0}, [](std::uint64_t sum, const auto& entry) {
        return sum + entry.second;
      });
}

std::uint64_t Totals::outstanding() const {
  return sent - ok - errors_in_all() - wrong_version - wrong_id - lost;
}

std::string Totals::most_said() const {
  const auto most =
      std::ranges::max_element(words, {}, [](const auto& entry) { return entry.second; });
  return most == words.end() ? "" : most->first;
}

bool Totals::clean() const {
  return ok == sent && duplicated == 0 && late == 0 && refused == 0 && unsent == 0;
}

Ledger::Ledger(std::string model, std::int64_t served, Duration deadline, TimePoint start)
    : model_(std::move(model)), deadline_(deadline), start_(start), routes_(served, start) {
  windows_.push_back({.kind = WindowKind::other, .start = start});
}

void Ledger::open_window(WindowKind kind, TimePoint start) {
  SLUICE_CHECK(start >= windows_.back().start);
  windows_.push_back({.kind = kind, .start = start});
}

std::uint64_t Ledger::on_sent(TimePoint scheduled, TimePoint now) {
  std::size_t window = windows_.size() - 1;
  while (window > 0 && windows_[window].start > scheduled) {
    --window;
  }
  ++totals_.sent;
  ++second_at(now).sent;
  outstanding_.emplace(next_id_, Sent{scheduled, now, window});
  return next_id_++;
}

void Ledger::on_answer(std::uint64_t id, const AnswerView& answer, TimePoint now) {
  const auto found = outstanding_.find(id);
  SLUICE_CHECK(found != outstanding_.end());
  const Sent request = found->second;
  outstanding_.erase(found);
  if (now - request.sent > deadline_ + kLateAfter) {
    ++totals_.late;
  }
  if (answer.status != 200) {
    const std::string words = refusal_of(answer);
    totals_.untyped += words.empty() ? 1U : 0U;
    ++totals_.errors[answer.status];
    fail(request, std::to_string(answer.status) + " " + words, now);
    return;
  }
  const Result<Identity> identity = identity_of(answer);
  if (!identity) {
    ++totals_.wrong_version;
    fail(request, identity.error().detail, now);
    return;
  }
  if (identity->id != id) {
    ++totals_.wrong_id;
    const bool answered_before = identity->id < next_id_ && !outstanding_.contains(identity->id);
    totals_.duplicated += answered_before ? 1U : 0U;
    fail(request, "the answer to another request", now);
    return;
  }
  if (identity->model != model_) {
    ++totals_.wrong_version;
    fail(request, "an answer of model '" + identity->model + "'", now);
    return;
  }
  judge(request, identity->version, now);
}

void Ledger::judge(const Sent& request, std::int64_t version, TimePoint answered) {
  switch (routes_.judge(version, request.sent, answered)) {
    case Routes::Verdict::undecided:
      undecided_.push_back({request, version, answered});
      return;
    case Routes::Verdict::wrong:
      ++totals_.wrong_version;
      fail(request,
           "an answer of version " + std::to_string(version) + " when that was not routed to",
           answered);
      return;
    case Routes::Verdict::right:
      break;
  }
  const Duration latency = answered - request.scheduled;
  ++totals_.ok;
  ++totals_.by_version[version];
  windows_[request.window].latencies.add(latency);
  Second& second = second_at(answered);
  ++second.ok;
  second.latency_max = std::max(second.latency_max, latency);
}

void Ledger::judge_undecided() {
  for (const Undecided& one : std::exchange(undecided_, {})) {
    judge(one.request, one.version, one.answered);
  }
}

void Ledger::on_lost(std::uint64_t id, std::string_view why, TimePoint now) {
  const auto found = outstanding_.find(id);
  SLUICE_CHECK(found != outstanding_.end());
  const Sent request = found->second;
  outstanding_.erase(found);
  ++totals_.lost;
  fail(request, why, now);
}

void Ledger::on_unasked(TimePoint) {
  ++totals_.duplicated;
  say("an answer where no request was outstanding");
}

void Ledger::on_refused(std::string_view why) {
  ++totals_.refused;
  say(why);
}

void Ledger::on_same(TimePoint sent) {
  routes_.on_same(sent);
  judge_undecided();
}

void Ledger::on_joined(std::int64_t to, TimePoint sent) {
  routes_.on_joined(to, sent);
  judge_undecided();
}

void Ledger::on_switched(std::int64_t to, TimePoint sent, TimePoint received) {
  routes_.on_switched(to, sent, received);
  judge_undecided();
}

void Ledger::on_back(std::int64_t to, TimePoint sent, TimePoint received) {
  routes_.on_back(to, sent, received);
  judge_undecided();
}

void Ledger::close(TimePoint now) {
  for (const Undecided& one : std::exchange(undecided_, {})) {
    ++totals_.wrong_version;
    fail(one.request,
         "an answer of version " + std::to_string(one.version) +
             " when nobody could be asked whether that was routed to",
         now);
  }
}

void Ledger::fail(const Sent& request, std::string_view why, TimePoint now) {
  ++windows_[request.window].failed;
  ++second_at(now).failed;
  say(why);
}

void Ledger::say(std::string_view why) {
  const std::string text(why.substr(0, limits::kLogValueBytes));
  const auto found = totals_.words.find(text);
  if (found != totals_.words.end()) {
    ++found->second;
  } else if (totals_.words.size() < kWordsMost) {
    totals_.words.emplace(text, 1);
  }
}

Second& Ledger::second_at(TimePoint now) {
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - start_).count();
  const std::size_t at = std::min(static_cast<std::size_t>(std::max<std::int64_t>(passed, 0)),
                                  limits::kProveSeconds - 1);
  if (at >= seconds_.size()) {
    seconds_.resize(at + 1);
  }
  return seconds_[at];
}

std::vector<Histogram> Ledger::latencies_of(WindowKind kind) const {
  std::vector<Histogram> found;
  for (const Window& window : windows_) {
    if (window.kind == kind) {
      found.push_back(window.latencies);
    }
  }
  return found;
}

}  // namespace sluice::cluster
