#include "tests/sim/oracle.h"

#include <algorithm>

#include "gateway/route/request_id.h"
#include "gateway/route/retry_policy.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using gateway::slot_of;

// A worker not heard from for longer gets nothing new; two intervals and a tick's delay.
constexpr Duration kLately = 550ms;
constexpr Duration kPlenty = 12s;  // who has this much time is answered by a worker, faults or not
constexpr Duration kPlentyWhenCalm = 2s;

std::size_t shard_of(RequestId id) {
  return static_cast<std::size_t>(id >> gateway::kShardShift);
}

}  // namespace

Oracle::Oracle(const Plan& plan) : plan_(&plan), fates_(plan.questions.size()) {}

void Oracle::fail(std::string words) {
  if (violation_.empty()) {
    violation_ = std::move(words);
  }
}

Oracle::Fate* Oracle::alive(RequestId id) {
  const std::size_t shard = shard_of(id);
  if (shard >= kShards || slot_of(id) >= known_[shard].size()) {
    return nullptr;
  }
  const Known& known = known_[shard][slot_of(id)];
  Fate& fate = fates_[known.question];
  return known.id == id && fate.state == State::alive && fate.id == id ? &fate : nullptr;
}

Oracle::Link& Oracle::link_at(LinkId link) {
  auto& links = links_[link.shard];
  if (link.key >= links.size()) {
    links.resize(link.key + 1);
  }
  return links[link.key];
}

void Oracle::off_link(Fate& fate) {
  if (fate.outstanding) {
    std::erase(link_at(fate.link).outstanding, fate.id);
    fate.outstanding = false;
  }
}

void Oracle::end(Fate& fate) {
  const std::size_t shard = shard_of(fate.id);
  off_link(fate);
  fate.state = State::ended;
  --alive_[shard];
  if (fate.moved) {
    fate.moved = false;
    --moved_[shard];
  }
}

void Oracle::asked(std::uint32_t question, TimePoint now) {
  const Question& asked = plan_->questions[question];
  Fate& fate = fates_[question];
  fate.state = State::asked;
  fate.deadline = now + asked.timeout;
  const std::size_t number = level_of(*plan_, asked);
  const Level level = number == 0 ? Level{} : plan_->levels[number - 1];
  if (level.wait > 0ms) {
    fate.give_up = now + level.wait;
  }
  if (asked.wish && level.wait > 0ms && level.takes_wish) {
    fate.give_up = std::min(fate.give_up, now + *asked.wish);
  } else if (asked.wish) {
    fate.deadline = std::min(fate.deadline, now + *asked.wish);
  }
}

void Oracle::accepted(std::uint32_t question, RequestId id) {
  const Question& asked = plan_->questions[question];
  Fate& fate = fates_[question];
  fate.state = State::alive;
  fate.id = id;
  const std::size_t shard = shard_of(id);
  if (shard != asked.shard) {
    return fail("an id of another shard");
  }
  auto& known = known_[shard];
  if (slot_of(id) >= known.size()) {
    known.resize(slot_of(id) + 1);
  }
  Known& place = known[slot_of(id)];
  if (place.id != 0 && fates_[place.question].state == State::alive &&
      fates_[place.question].id == place.id) {
    return fail("a slot in use was given out again");
  }
  place = {.id = id, .question = question};
  ++alive_[shard];
  if (quarantined_.contains({shard, asked.fingerprint})) {
    fail("a quarantined request was accepted again");
  }
}

void Oracle::refused(std::uint32_t question, const Error& error, TimePoint /*now*/) {
  fates_[question].state = State::ended;
  fates_[question].gone = true;  // it was told at once; nothing more is owed
  const bool known = ever_quarantined_.contains(
      {plan_->questions[question].shard, plan_->questions[question].fingerprint});
  const Question& asked = plan_->questions[question];
  const Snapshot::Version* named =
      asked.version ? snapshots_[asked.shard].find(*asked.version) : nullptr;
  if (error.code == ErrorCode::not_found && named != nullptr &&
      named->state == gateway::VersionState::draining) {
    return;
  }
  if (error.code != ErrorCode::resource_exhausted &&
      !(error.code == ErrorCode::internal && known)) {
    fail("refused at the door without reason: " + error.detail);
  }
}

void Oracle::client_gone(RequestId id) {
  Fate* fate = alive(id);
  if (fate == nullptr) {
    return;
  }
  fate->gone = true;
  if (fate->outstanding && reachable(*fate)) {
    must_cancel_.push_back(id);
  }
  end(*fate);
}

void Oracle::connection_broken(std::uint32_t question) {
  Fate& fate = fates_[question];
  if (fate.state != State::ended) {
    fate.state = State::broken;
  }
}

// A cancel can be sent: on the link it went out on, or on a newer one of the same process.
bool Oracle::reachable(const Fate& fate) const {
  const Link& own = links_[fate.link.shard][fate.link.key];
  for (std::size_t key = 0; key < links_[fate.link.shard].size(); ++key) {
    const Link& other = links_[fate.link.shard][key];
    if (key != fate.link.key && other.attached && !other.replaced && other.worker == own.worker) {
      return true;
    }
  }
  return own.attached && !own.suspected;
}

void Oracle::attached(LinkId key,
                      const std::string& id,
                      std::int64_t version,
                      const std::string& worker,
                      std::uint32_t credit,
                      TimePoint now) {
  Link& link = link_at(key);
  if (link.attached) {
    return fail("a key in use was given to another link");
  }
  for (Link& other : links_[key.shard]) {
    other.replaced = other.replaced || other.worker == worker;
  }
  link = Link{};
  link.attached = true;
  link.id = id;
  link.version = version;
  link.worker = worker;
  link.credit = credit;
  link.heard = now;
  note_served(key.shard);
}

void Oracle::routed(std::size_t shard, const Snapshot& snapshot) {
  snapshots_[shard] = snapshot;
  note_served(shard);
}

void Oracle::note_served(std::size_t shard) {
  for (const Link& link : links_[shard]) {
    if (link.attached && snapshots_[shard].admits(link.version, link.id) &&
        served_[shard].insert(link.version).second) {
      std::erase_if(quarantined_, [&](const auto& entry) { return entry.first == shard; });
    }
  }
}

void Oracle::quiet(std::size_t shard, std::int64_t version, bool quiet) {
  bool nothing = true;
  for (const Link& link : links_[shard]) {
    nothing = nothing && (link.version != version || link.outstanding.empty());
  }
  for (const Known& known : known_[shard]) {
    nothing = nothing &&
              (plan_->questions[known.question].version != version || alive(known.id) == nullptr);
  }
  if (quiet != nothing) {
    fail("version " + std::to_string(version) + (quiet ? " is not quiet" : " is quiet, unsaid"));
  }
}

void Oracle::heard(LinkId link, TimePoint now) {
  link_at(link).heard = now;
}

void Oracle::credit(LinkId link, std::uint32_t credit) {
  link_at(link).credit = credit;
}

void Oracle::draining(LinkId link) {
  link_at(link).draining = true;
}

void Oracle::suspected(LinkId link, bool suspected) {
  link_at(link).suspected = suspected;
}

void Oracle::closed(LinkId id) {
  Link& link = link_at(id);
  for (const RequestId request : std::vector<RequestId>(link.outstanding)) {
    if (Fate* fate = alive(request)) {
      off_link(*fate);
    }
  }
  link.attached = false;
}

void Oracle::result_read(LinkId link, RequestId id, std::uint32_t attempt) {
  Fate* fate = alive(id);
  if (fate != nullptr && fate->outstanding && fate->attempt == attempt &&
      link_at(link).worker == link_at(fate->link).worker) {
    off_link(*fate);
  }
}

void Oracle::death_told(std::size_t shard, const std::string& worker) {
  for (Link& link : links_[shard]) {
    if (!link.attached || link.worker != worker) {
      continue;
    }
    for (const RequestId request : std::vector<RequestId>(link.outstanding)) {
      Fate* fate = alive(request);
      if (fate == nullptr) {
        continue;
      }
      off_link(*fate);
      if (fate->moved) {
        fate->moved = false;
        --moved_[shard];
      }
    }
  }
}

void Oracle::gateway_died() {
  for (auto& links : links_) {
    links.clear();
  }
  for (auto& known : known_) {
    for (const Known& entry : known) {
      if (Fate* fate = alive(entry.id)) {
        fate->state = State::broken;
      }
    }
    known.clear();
  }
  alive_.fill(0);
  moved_.fill(0);
  quarantined_.clear();
  ever_quarantined_.clear();
  served_ = {};
}

void Oracle::sent(LinkId id, const gateway::Send& send, TimePoint now) {
  Fate* fate = alive(send.id);
  if (fate == nullptr) {
    return fail("sent to a worker after its end");
  }
  Link& link = link_at(id);
  if (!link.attached || link.draining || link.suspected || now - link.heard > kLately) {
    return fail(std::string("sent to a worker that is not ready: ") +
                (!link.attached   ? "not attached"
                 : link.draining  ? "draining"
                 : link.suspected ? "suspected"
                                  : "silent"));
  }
  const Snapshot& snapshot = snapshots_[id.shard];
  if (!snapshot.admits(link.version, link.id)) {
    return fail("sent to a worker that is held");
  }
  const Question& asked = plan_->questions[known_[id.shard][slot_of(send.id)].question];
  if (asked.version ? *asked.version != link.version : !snapshot.takes_any(link.version)) {
    return fail("sent to version " + std::to_string(link.version) +
                ", which is not one that it may go to");
  }
  if (fate->outstanding && reachable(*fate)) {
    return fail("sent again while the last attempt is outstanding");
  }
  off_link(*fate);  // of a worker that no cancel reaches any more
  if (send.attempt != fate->attempt + 1) {
    return fail("attempts are not numbered one by one");
  }
  if (link.outstanding.size() >= link.credit) {
    return fail("sent beyond the credit of " + std::to_string(link.credit));
  }
  if (now >= fate->deadline) {
    return fail("sent after its deadline");
  }
  if (send.alone && !link.outstanding.empty()) {
    return fail("a suspect was sent into company");
  }
  if (send.attempt == 1) {
    check_order(id.shard, asked, *fate, now);
  }
  fate->attempt = send.attempt;
  fate->link = id;
  fate->outstanding = true;
  link.outstanding.push_back(send.id);
}

void Oracle::cancel_sent(const gateway::Cancel& cancel) {
  Fate* fate = alive(cancel.id);
  if (std::erase(must_cancel_, cancel.id) > 0) {
    return;
  }
  if (fate != nullptr && fate->outstanding && fate->attempt == cancel.attempt) {
    off_link(*fate);
    cancelled_now_.push_back(cancel.id);
  }
}

void Oracle::answered(const gateway::Answer& answer, TimePoint now) {
  Fate* fate = alive(answer.id);
  if (fate == nullptr) {
    return fail("a second answer: " + answer.error.detail);
  }
  const Question& question =
      plan_->questions[known_[shard_of(answer.id)][slot_of(answer.id)].question];
  if (fate->outstanding && reachable(*fate)) {
    return fail("answered while a worker has it, without a cancel: " + answer.error.detail);
  }
  if (now > fate->deadline + kSlack) {
    return fail("answered after its deadline: " + answer.error.detail);
  }
  check_wait(question, *fate, answer.error, now);
  switch (answer.error.code) {
    case ErrorCode::unavailable:
      break;
    case ErrorCode::deadline_exceeded:
      if (now < fate->deadline) {
        fail("answered deadline_exceeded before its deadline");
      }
      break;
    case ErrorCode::internal:
      fate->blamed = true;
      if (!question.poison && (fate->deaths_outside == 0 || fate->deaths < 3)) {
        fail("a bystander was punished: " + answer.error.detail);
      }
      break;
    default:
      fail("an accepted request was answered " + std::string(name_of(answer.error.code)) + ": " +
           answer.error.detail);
  }
  if (answer.quarantine) {
    quarantined_.insert({question.shard, question.fingerprint});
    ever_quarantined_.insert({question.shard, question.fingerprint});
  }
  end(*fate);
}

void Oracle::delivered(RequestId id, std::uint32_t attempt, TimePoint now) {
  Fate* fate = alive(id);
  if (fate == nullptr) {
    return fail("a late answer was delivered");
  }
  if (attempt != fate->attempt || fate->outstanding) {
    return fail("the answer of an old attempt was delivered");
  }
  if (now > fate->deadline + kSlack) {
    return fail("delivered after its deadline");
  }
  fate->by_worker = true;
  end(*fate);
}

void Oracle::settled(std::size_t shard) {
  for (const RequestId id : must_cancel_) {
    static_cast<void>(id);
    fail("its client went away and the worker was not told");
  }
  must_cancel_.clear();
  for (const RequestId id : cancelled_now_) {
    Fate* fate = alive(id);
    if (fate == nullptr) {
      continue;  // cancelled because it ended
    }
    ++fate->moves;
    if (!fate->moved) {
      fate->moved = true;
      ++moved_[shard];
    }
    if (moved_[shard] > gateway::SuspicionBudget::limit(alive_[shard] + 1)) {
      fail("more retries on suspicion than the budget allows: " + std::to_string(moved_[shard]));
    }
  }
  cancelled_now_.clear();
}

void Oracle::executed(std::uint32_t question, TimePoint now, TimePoint deadline) {
  const Fate& fate = fates_[question];
  if (now >= deadline || now >= fate.deadline) {
    fail("executed after its deadline");
  }
}

void Oracle::running_at_death(std::uint32_t question, bool outside) {
  ++fates_[question].deaths;
  fates_[question].deaths_outside += outside ? 1 : 0;
}

void Oracle::killed_by(std::uint32_t question) {
  Fate& fate = fates_[question];
  ++fate.kills;
  if (fate.kills > 2 + fate.moves) {
    fail("one poison request killed " + std::to_string(fate.kills) + " workers");
  }
}

void Oracle::finish(std::size_t shard, const gateway::RouteCounters& counters) {
  std::uint64_t errors = 0;
  for (const std::uint64_t count : counters.answered) {
    errors += count;
  }
  if (counters.admitted !=
      counters.delivered + counters.cancelled + (errors - counters.refused) + alive_[shard]) {
    fail("the counters do not add up");
  }
}

void Oracle::finish_questions() {
  for (std::size_t i = 0; i < fates_.size(); ++i) {
    const Fate& fate = fates_[i];
    const Question& question = plan_->questions[i];
    if (fate.state == State::alive || fate.state == State::asked) {
      return fail("request " + std::to_string(i) + " was never answered");
    }
    const Duration time =
        question.wish ? std::min(question.timeout, *question.wish) : question.timeout;
    const bool had_time = time >= kPlenty || (question.at >= kCalmFrom && time >= kPlentyWhenCalm);
    if (fate.state == State::ended && had_time && !fate.gone && !fate.by_worker && !fate.blamed &&
        !fate.timed_out && !question.poison) {
      return fail("request " + std::to_string(i) + " with " +
                  std::to_string(question.timeout / 1ms) +
                  " ms of time was not answered by a worker");
    }
  }
}

}  // namespace sluice::sim
