#include "gateway/net/http_core.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "gateway/net/reply_head.h"

namespace sluice::gateway {

namespace {

// From this on body bytes are read straight into the body instead of through the receive buffer.
constexpr std::size_t kDirectRead = 4096;
// A head's copy keeps its memory between requests up to this size.
constexpr std::size_t kKeptHead = 4096;

}  // namespace

HttpCore::HttpCore(HttpShared& shared, TimePoint now)
    : shared_(shared),
      replies_(shared.budget, shared.options.pipelined),
      received_(shared.options.head_bytes),
      scanner_(shared.options),
      chunks_(shared.options),
      last_read_(now),
      first_byte_(now),
      last_activity_(now),
      last_written_(now),
      input_ended_at_(now),
      write_shut_at_(now) {}

HttpCore::~HttpCore() {
  shared_.budget.give(charged_);
}

// --- reading -------------------------------------------------------------------------------------

std::span<std::byte> HttpCore::read_space() {
  release_delivered();
  reading_body_ = false;
  if (input_ended_) {
    return {};
  }
  if (input_ == Input::body && received_.empty()) {
    const std::uint64_t left = head_.framing == BodyFraming::length
                                   ? head_.content_length - body_.size()
                                   : chunks_.data_left();
    if (left >= kDirectRead) {
      const std::span<std::byte> space = body_.space(static_cast<std::size_t>(left));
      reading_body_ = !space.empty();
      if (reading_body_) {
        return space;
      }
      refuse_memory();
    }
  }
  if (input_ == Input::discard) {
    body_.drop();
    received_.consume(received_.unread().size());
    if (discarded_ >= shared_.options.linger_bytes) {
      return {};  // the client may go on, but has to wait until we close
    }
  }
  return received_.space();
}

void HttpCore::on_read(std::size_t size, TimePoint now) {
  release_delivered();
  last_read_ = now;
  last_activity_ = now;
  shared_.counters.bytes_in.add(size);
  const bool into_body = std::exchange(reading_body_, false);
  if (!into_body) {
    received_.filled(size);
  }
  if (input_ == Input::discard) {
    discarded_ += size;
    received_.consume(received_.unread().size());
    return;
  }
  if (input_ == Input::body) {
    wants_continue_ = false;
  }
  if (into_body && charge(size)) {
    body_.filled(size);
    if (head_.framing == BodyFraming::chunked) {
      chunks_.skip(size);
    }
  }
}

void HttpCore::on_end_of_input(TimePoint now) {
  input_ended_ = true;
  input_ended_at_ = now;
}

// --- requests ------------------------------------------------------------------------------------

const HttpCore::Request* HttpCore::next_request(TimePoint now) {
  release_delivered();
  const Request* request = nullptr;
  if (input_ == Input::idle && !replies_.full()) {
    begin_head(now);
  }
  if (input_ == Input::head) {
    request = read_head(now);
  } else if (input_ == Input::body) {
    request = read_body();
  }
  if (request == nullptr && input_ended_ && (input_ == Input::head || input_ == Input::body)) {
    Refusal refusal = bad_request("the connection ended inside the request");
    refusal.reason = HttpRefusal::truncated;
    refuse(refusal);
  }
  return request;
}

void HttpCore::begin_head(TimePoint now) {
  // Some clients send an empty line after a body; RFC 9112, section 2.2 asks to forgive one.
  if (!skipped_line_ && received_.unread().starts_with("\r\n")) {
    received_.consume(2);
    skipped_line_ = true;
  }
  const std::string_view unread = received_.unread();
  if (unread.empty() || (!skipped_line_ && unread == "\r" && !input_ended_)) {
    return;
  }
  skipped_line_ = false;
  first_byte_ = std::min(now, last_read_);
  head_.clear();
  scanner_.reset();
  input_ = Input::head;
}

const HttpCore::Request* HttpCore::read_head(TimePoint now) {
  const std::string_view unread = received_.unread();
  switch (scanner_.scan(unread)) {
    case HeadScanner::State::incomplete:
      return nullptr;
    case HeadScanner::State::refused:
      refuse(scanner_.refusal());
      return nullptr;
    case HeadScanner::State::complete:
      break;
  }
  const std::string_view bytes = unread.substr(0, scanner_.head_size());
  if (const auto refusal = parse_head(bytes, shared_.options, head_)) {
    refuse(*refusal);
    return nullptr;
  }
  if (head_.framing == BodyFraming::none) {
    delivered_ = bytes.size();
    return deliver({});
  }
  if (head_.framing == BodyFraming::length &&
      head_.content_length <= unread.size() - bytes.size()) {
    // Small and here already: the usual request.
    const auto size = static_cast<std::size_t>(head_.content_length);
    if (!charge(size)) {
      return nullptr;
    }
    delivered_ = bytes.size() + size;
    return deliver(Buffer::copy_of(unread.substr(bytes.size(), size)));
  }
  return begin_body(bytes, now);
}

const HttpCore::Request* HttpCore::begin_body(std::string_view head_bytes, TimePoint now) {
  if (head_.framing == BodyFraming::length &&
      !shared_.budget.has(static_cast<std::size_t>(head_.content_length))) {
    refuse_memory();
    return nullptr;
  }
  // The receive buffer is needed for the body: the head moves out.
  kept_head_.assign(head_bytes);
  head_.rebase(head_bytes, kept_head_.data());
  received_.consume(head_bytes.size());
  input_ = Input::body;
  if (head_.framing == BodyFraming::length) {
    body_.start_known(static_cast<std::size_t>(head_.content_length));
  } else {
    body_.start_unknown(shared_.options.body_bytes);
    chunks_ = ChunkDecoder(shared_.options);
  }
  wants_continue_ = head_.expects_continue && received_.empty();
  ask_for_body(now);
  return read_body();
}

const HttpCore::Request* HttpCore::read_body() {
  if (head_.framing == BodyFraming::chunked) {
    return read_chunks() ? deliver(body_.finish()) : nullptr;
  }
  const auto size = static_cast<std::size_t>(head_.content_length);
  const std::string_view bytes = received_.unread().substr(0, size - body_.size());
  if (!bytes.empty()) {
    if (!take_body(bytes)) {
      return nullptr;
    }
    received_.consume(bytes.size());
  }
  return body_.size() == size ? deliver(body_.finish()) : nullptr;
}

// True when the body is complete.
bool HttpCore::read_chunks() {
  while (true) {
    const ChunkDecoder::Step step = chunks_.next(received_.unread());
    if (step.outcome == ChunkDecoder::Outcome::refused) {
      refuse(chunks_.refusal());
      return false;
    }
    if (!take_body(step.data)) {
      return false;
    }
    received_.consume(step.taken);
    if (step.outcome != ChunkDecoder::Outcome::data) {
      return step.outcome == ChunkDecoder::Outcome::done;
    }
  }
}

bool HttpCore::take_body(std::string_view bytes) {
  if (!charge(bytes.size())) {
    return false;
  }
  if (!body_.append(bytes)) {
    refuse_memory();
    return false;
  }
  return true;
}

bool HttpCore::charge(std::size_t size) {
  if (!shared_.budget.take(size)) {
    refuse_memory();
    return false;
  }
  charged_ += size;
  return true;
}

const HttpCore::Request* HttpCore::deliver(Buffer body) {
  request_.sequence = replies_.begin({.head_method = head_.method == "HEAD",
                                      .http_1_0 = head_.http_1_0,
                                      .keep_alive = head_.keep_alive,
                                      .charged = std::exchange(charged_, 0)});
  request_.message = {.method = head_.method,
                      .path = head_.path,
                      .query = head_.query,
                      .headers = head_.headers,
                      .body = std::move(body)};
  request_.first_byte = first_byte_;
  request_.last_body_byte = last_read_;
  wants_continue_ = false;
  input_ = head_.keep_alive ? Input::idle : Input::discard;
  shared_.counters.requests.add();
  return &request_;
}

void HttpCore::release_delivered() {
  received_.consume(std::exchange(delivered_, 0));
  request_.message.body = Buffer();
  if (kept_head_.capacity() > kKeptHead && input_ != Input::body) {
    kept_head_ = std::string();
  }
}

// --- refusals ------------------------------------------------------------------------------------

void HttpCore::stop_input() {
  input_ = Input::discard;
  wants_continue_ = false;
  shared_.budget.give(std::exchange(charged_, 0));
}

void HttpCore::refuse(const Refusal& refusal) {
  shared_.counters.refuse(refusal.reason);
  stop_input();
  const std::uint32_t sequence = replies_.begin({.head_method = head_.method == "HEAD",
                                                 .http_1_0 = head_.http_1_0,
                                                 .keep_alive = false,
                                                 .charged = 0});
  replies_.answer(sequence, reply_of(refusal), false, shared_.date);
  last_written_ = last_activity_;
}

void HttpCore::refuse_memory() {
  refuse(over_limit(503,
                    HttpRefusal::memory_full,
                    "the server holds too many bytes of other requests; try again"));
}

void HttpCore::refuse_connection(TimePoint now) {
  last_activity_ = now;
  refuse(over_limit(
      503, HttpRefusal::too_many_connections, "the server has too many connections; try again"));
}

// --- answers -------------------------------------------------------------------------------------

bool HttpCore::reply(std::uint32_t sequence, ClientReply reply, TimePoint now) {
  if (!replies_.waiting(sequence)) {
    return false;
  }
  if (!replies_.has_output()) {
    last_written_ = now;
  }
  last_activity_ = now;
  const bool newest = sequence + 1 == replies_.next();
  // A drain ends the connection with the newest answer, unless the next request is coming in.
  const bool draining = shared_.draining && newest && input_ == Input::idle &&
                        received_.unread().size() == delivered_;
  const bool keep_alive =
      replies_.traits(sequence).keep_alive && !reply.close && !reply.streams && !draining;
  if (!keep_alive) {
    stop_input();
  }
  replies_.answer(sequence, std::move(reply), keep_alive, shared_.date);
  shared_.counters.replies.add();
  return true;
}

bool HttpCore::stream(std::uint32_t sequence, std::string_view bytes, TimePoint now) {
  if (!replies_.streaming(sequence)) {
    return false;
  }
  if (!replies_.has_output()) {
    last_written_ = now;
  }
  if (replies_.append(sequence, bytes) > shared_.options.stream_backlog) {
    shared_.counters.refuse(HttpRefusal::write_timeout);
    broken_ = true;
  }
  return true;
}

bool HttpCore::end_stream(std::uint32_t sequence, TimePoint now) {
  if (!replies_.streaming(sequence)) {
    return false;
  }
  if (!replies_.has_output()) {
    last_written_ = now;
  }
  finished_ = replies_.finish(sequence) || finished_;
  return true;
}

ReplyQueue::Written HttpCore::on_written(std::size_t size, TimePoint now) {
  shared_.counters.bytes_out.add(size);
  last_written_ = now;
  last_activity_ = now;
  const ReplyQueue::Written written = replies_.written(size);
  finished_ = finished_ || written.finished;
  ask_for_body(now);
  return written;
}

// 100 goes out once every earlier request is answered: it must not overtake their answers.
void HttpCore::ask_for_body(TimePoint now) {
  if (wants_continue_ && replies_.empty() && replies_.interim(kContinueReply)) {
    wants_continue_ = false;
    last_read_ = now;  // the body's time begins now
    last_written_ = now;
  }
}

}  // namespace sluice::gateway
