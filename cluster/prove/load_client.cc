#include "cluster/prove/load_client.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace sluice::cluster {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What an answer may take beyond its deadline before it is called lost.
constexpr auto kGrace = seconds(5);
constexpr auto kReconnect = milliseconds(20);
constexpr auto kOverdueEvery = milliseconds(100);

}  // namespace

LoadClient::LoadClient(const Endpoint& endpoint,
                       ProbeRequest& request,
                       Ledger& ledger,
                       LoadOptions options)
    : request_(request), ledger_(ledger), options_(options) {
  for (std::size_t i = 0; i < options_.connections; ++i) {
    slots_.emplace_back(endpoint);
  }
}

void LoadClient::run_closed(TimePoint now) {
  mode_ = Mode::closed;
  ended_ = TimePoint::max();
  began_ = now;
}

void LoadClient::run_open(double per_second, TimePoint now) {
  mode_ = Mode::open;
  per_second_ = per_second;
  began_ = now;
  ended_ = TimePoint::max();
  next_number_ = 0;
}

void LoadClient::stop(TimePoint now) {
  if (mode_ == Mode::closed) {
    mode_ = Mode::stopped;
  }
  ended_ = now;
}

TimePoint LoadClient::scheduled(std::uint64_t number) const {
  return began_ + std::chrono::duration_cast<Duration>(
                      std::chrono::duration<double>(static_cast<double>(number) / per_second_));
}

std::optional<TimePoint> LoadClient::next_due() const {
  if (mode_ == Mode::closed) {
    return began_;
  }
  if (mode_ == Mode::stopped || scheduled(next_number_) > ended_) {
    return std::nullopt;
  }
  return scheduled(next_number_);
}

bool LoadClient::idle() const {
  return !next_due() && busy_ == 0;
}

std::uint64_t LoadClient::due_count(TimePoint now) const {
  std::uint64_t count = 0;
  if (mode_ == Mode::open) {
    const double passed = std::chrono::duration<double>(std::min(now, ended_) - began_).count();
    const auto all =
        static_cast<std::uint64_t>(std::floor(std::max(passed, 0.0) * per_second_)) + 1;
    count = all > next_number_ ? all - next_number_ : 0;
  }
  return count;
}

void LoadClient::cut(TimePoint now) {
  ledger_.on_unsent(due_count(now));
  mode_ = Mode::stopped;
}

void LoadClient::give_up(TimePoint now) {
  cut(now);
  const Error ended{ErrorCode::deadline_exceeded, "no answer when the run ended"};
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].id != 0) {
      on_broken(i, ended, now);
    }
  }
}

void LoadClient::connect_closed(TimePoint now) {
  if (!next_due()) {
    return;
  }
  for (Slot& slot : slots_) {
    if (!slot.connection.is_open() && slot.not_before <= now) {
      if (const Result<void> opened = slot.connection.open(); !opened) {
        ledger_.on_refused(opened.error().detail);
        slot.not_before = now + kReconnect;
      }
    }
  }
}

void LoadClient::send_due(TimePoint now) {
  while (!free_.empty()) {
    const std::optional<TimePoint> due = next_due();
    if (!due || *due > now) {
      return;
    }
    Slot& slot = slots_[free_.front()];
    free_.pop_front();
    slot.id = ledger_.on_sent(mode_ == Mode::closed ? now : *due, now);
    slot.sent = now;
    slot.connection.send(request_.with_id(slot.id));
    ++busy_;
    ++next_number_;
  }
}

void LoadClient::on_broken(std::size_t index, const Error& error, TimePoint now) {
  Slot& slot = slots_[index];
  const bool connected = slot.connection.is_connected();
  slot.connection.close();
  if (!connected) {
    ledger_.on_refused(error.detail);
    slot.not_before = now + kReconnect;
  } else if (slot.id == 0) {
    std::erase(free_, index);  // idle, and closed by the server: it is opened again
  } else {
    ledger_.on_lost(std::exchange(slot.id, 0), error.detail, now);
    --busy_;
  }
}

void LoadClient::on_answer(std::size_t index, const AnswerView& answer, TimePoint now) {
  Slot& slot = slots_[index];
  if (slot.id == 0) {
    ledger_.on_unasked(now);
    on_broken(index, {}, now);
    return;
  }
  ledger_.on_answer(std::exchange(slot.id, 0), answer, now);
  --busy_;
  if (answer.last) {
    slot.connection.close();
  } else {
    free_.push_back(index);
  }
}

void LoadClient::advance(std::size_t index, TimePoint now) {
  Connection& connection = slots_[index].connection;
  const bool connected = connection.is_connected();
  do {
    const Result<std::optional<AnswerView>> answer = connection.advance();
    if (!answer) {
      on_broken(index, answer.error(), now);
    } else if (*answer) {
      on_answer(index, **answer, now);
    } else {
      break;
    }
  } while (connection.has_more());
  if (!connected && connection.is_connected()) {
    free_.push_back(index);
  }
}

void LoadClient::look_for_overdue(TimePoint now) {
  if (now - looked_for_overdue_ < kOverdueEvery) {
    return;
  }
  looked_for_overdue_ = now;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].id != 0 && now - slots_[i].sent > options_.deadline + kGrace) {
      on_broken(i, Error{ErrorCode::deadline_exceeded, "no answer 5 s after its deadline"}, now);
    }
  }
}

TimePoint LoadClient::wake_time(TimePoint until, TimePoint now) const {
  TimePoint wake = std::min(until, now + kOverdueEvery);
  if (const std::optional<TimePoint> due = next_due()) {
    if (!free_.empty()) {
      wake = std::min(wake, *due);
    }
    for (const Slot& slot : slots_) {
      if (!slot.connection.is_open()) {
        wake = std::min(wake, slot.not_before);
      }
    }
  }
  return std::max(wake, now);
}

void LoadClient::turn(TimePoint until, std::vector<pollfd>& others) {
  const TimePoint now = clock_.now();
  connect_closed(now);
  send_due(now);
  polled_.assign(others.begin(), others.end());
  polled_slots_.clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Connection& connection = slots_[i].connection;
    if (connection.is_open()) {
      polled_.push_back({.fd = connection.fd(), .events = connection.events(), .revents = 0});
      polled_slots_.push_back(i);
    }
  }
  const Duration wait = wake_time(until, now) - now;
  const timespec time{.tv_sec = static_cast<time_t>(wait / seconds(1)),
                      .tv_nsec = static_cast<long>((wait % seconds(1)).count())};
  const int ready = ::ppoll(polled_.data(), polled_.size(), &time, nullptr);
  if (ready > 0) {
    for (std::size_t i = 0; i < polled_slots_.size(); ++i) {
      if (polled_[others.size() + i].revents != 0) {
        advance(polled_slots_[i], clock_.now());
      }
    }
    std::copy_n(polled_.begin(), others.size(), others.begin());
  }
  look_for_overdue(clock_.now());
}

}  // namespace sluice::cluster
