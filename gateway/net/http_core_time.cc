// HttpCore's clock and its end: what it waits for, what happens when that does not come, and when
// the connection is over.

#include <algorithm>
#include <chrono>

#include "gateway/net/http_core.h"
#include "gateway/net/reply_head.h"

namespace sluice::gateway {

namespace {

// How long after the client's end of input a pending answer waits before the client is probed.
constexpr auto kProbeAfter = std::chrono::milliseconds(100);

}  // namespace

// A client that has shut its write side may still be reading, or be gone: both look the same until
// something is sent. An interim answer, which every HTTP/1.1 client must accept (RFC 9110, section
// 15.2), brings a reset from a host where nobody reads.
void HttpCore::probe(TimePoint now) {
  probed_ = true;
  if (!replies_.traits(replies_.first()).http_1_0 && replies_.interim(kContinueReply)) {
    last_written_ = now;
  }
}

bool HttpCore::idle() const noexcept {
  return input_ == Input::idle && replies_.empty() && !has_output();
}

TimePoint HttpCore::deadline() const noexcept {
  const HttpOptions& options = shared_.options;
  if (write_shut_) {
    return write_shut_at_ + options.linger_time;
  }
  TimePoint due = TimePoint::max();
  if (has_output()) {
    due = std::min(due, last_written_ + options.write_stall);
  }
  if (input_ == Input::head) {
    due = std::min(due, first_byte_ + options.head_time);
  }
  if (input_ == Input::body && !wants_continue_) {
    due = std::min(due, last_read_ + options.body_stall);
  }
  if (idle()) {
    due = std::min(due, last_activity_ + options.idle_time);
  }
  if (input_ended_ && !probed_ && !replies_.empty()) {
    due = std::min(due, input_ended_at_ + kProbeAfter);
  }
  return due;
}

void HttpCore::on_time(TimePoint now) {
  const HttpOptions& options = shared_.options;
  if (write_shut_) {
    broken_ = broken_ || now >= write_shut_at_ + options.linger_time;
    return;
  }
  if (has_output() && now >= last_written_ + options.write_stall) {
    shared_.counters.refuse(HttpRefusal::write_timeout);
    broken_ = true;
  } else if (input_ == Input::head && now >= first_byte_ + options.head_time) {
    refuse(too_slow(HttpRefusal::head_timeout, "the request's headers took too long to arrive"));
  } else if (input_ == Input::body && !wants_continue_ && now >= last_read_ + options.body_stall) {
    refuse(too_slow(HttpRefusal::body_timeout, "the request's body stopped arriving"));
  } else if (idle() && now >= last_activity_ + options.idle_time) {
    shared_.counters.refuse(HttpRefusal::idle_timeout);
    finished_ = true;
  } else if (input_ended_ && !probed_ && !replies_.empty() &&
             now >= input_ended_at_ + kProbeAfter) {
    probe(now);
  }
}

HttpCore::Fate HttpCore::fate() const noexcept {
  if (broken_) {
    return Fate::close;
  }
  const bool nothing_more = input_ == Input::discard || (input_ended_ && input_ == Input::idle);
  if (!finished_ && !(nothing_more && replies_.empty() && !has_output())) {
    return Fate::open;
  }
  if (input_ended_) {
    return Fate::close;
  }
  return write_shut_ ? Fate::open : Fate::shut_write;
}

void HttpCore::on_write_shut(TimePoint now) {
  write_shut_ = true;
  write_shut_at_ = now;
  stop_input();
}

}  // namespace sluice::gateway
