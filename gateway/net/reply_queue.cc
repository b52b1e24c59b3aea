#include "gateway/net/reply_queue.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "common/base/check.h"
#include "gateway/net/reply_head.h"

namespace sluice::gateway {

namespace {

// Copied behind the head into one piece: cheaper than another iovec and a buffer kept alive.
constexpr std::size_t kSmallBody = 4096;
// A place keeps its text's memory between answers up to this size.
constexpr std::size_t kKeptText = 8192;

// iovec is const-less; the kernel only reads.
iovec to_iovec(const void* data, std::size_t size) noexcept {
  return {const_cast<void*>(data), size};
}

}  // namespace

std::uint32_t ReplyQueue::begin(const Traits& traits) {
  SLUICE_CHECK(!full());
  if (next_ - first_ == places_.size()) {
    widen();
  }
  place(next_).traits = traits;
  ++waiting_;
  return next_++;
}

void ReplyQueue::widen() {
  std::vector<Place> wider(std::max<std::size_t>(1, places_.size() * 2));
  for (std::uint32_t sequence = first_; sequence != next_; ++sequence) {
    wider[sequence & (wider.size() - 1)] = std::move(place(sequence));
  }
  places_ = std::move(wider);
}

bool ReplyQueue::waiting(std::uint32_t sequence) const noexcept {
  return sequence - first_ < next_ - first_ && !place(sequence).answered;
}

const ReplyQueue::Traits& ReplyQueue::traits(std::uint32_t sequence) const noexcept {
  SLUICE_CHECK(sequence - first_ < next_ - first_);
  return place(sequence).traits;
}

void ReplyQueue::answer(std::uint32_t sequence,
                        ClientReply reply,
                        bool keep_alive,
                        std::string_view date) {
  SLUICE_CHECK(waiting(sequence));
  Place& here = place(sequence);
  std::size_t body_size = 0;
  for (const Buffer& part : reply.body) {
    body_size += part.size();
  }
  append_reply_head(here.text,
                    reply,
                    {.body_size = body_size,
                     .http_1_0 = here.traits.http_1_0,
                     .keep_alive = keep_alive,
                     .streams = reply.streams,
                     .date = date});
  const bool no_body = here.traits.head_method || !status_has_body(reply.status);
  here.size = here.text.size() + (no_body ? 0 : body_size);
  if (!no_body && body_size <= kSmallBody) {
    for (const Buffer& part : reply.body) {
      here.text += part.text();
    }
  } else if (!no_body) {
    here.body = std::move(reply.body);
  }
  here.answered = true;
  here.open = reply.streams;
  here.traits.keep_alive = keep_alive;
  --waiting_;
  budget_.give(here.traits.charged);
  here.traits.charged = here.size;
  budget_.take_anyway(here.size);
}

bool ReplyQueue::streaming(std::uint32_t sequence) const noexcept {
  return sequence - first_ < next_ - first_ && place(sequence).open;
}

std::size_t ReplyQueue::append(std::uint32_t sequence, std::string_view bytes) {
  SLUICE_CHECK(streaming(sequence));
  Place& here = place(sequence);
  if (sequence == first_) {
    forget_written();
  }
  if (!bytes.empty() && here.traits.http_1_0) {
    extend(here, bytes);
  } else if (!bytes.empty()) {  // an empty chunk would end it
    char size[20];
    const auto [end, failure] = std::to_chars(size, size + sizeof size, bytes.size(), 16);
    std::string chunk(size, end);
    ((chunk += "\r\n") += bytes) += "\r\n";
    extend(here, chunk);
  }
  return here.size;
}

bool ReplyQueue::finish(std::uint32_t sequence) {
  SLUICE_CHECK(streaming(sequence));
  Place& here = place(sequence);
  extend(here, here.traits.http_1_0 ? "" : "0\r\n\r\n");
  here.open = false;
  const bool over = sequence == first_ && started_ != first_ && here.size == offset_;
  if (over) {
    free_first();
  }
  return over;
}

void ReplyQueue::extend(Place& place, std::string_view bytes) {
  place.text += bytes;
  place.size += bytes.size();
  place.traits.charged += bytes.size();
  budget_.take_anyway(bytes.size());
}

bool ReplyQueue::interim(std::string_view text) {
  if (started_ != first_ || !interim_.empty()) {
    return false;
  }
  interim_ = text;
  return true;
}

bool ReplyQueue::has_output() const noexcept {
  if (!interim_.empty() || empty()) {
    return !interim_.empty();
  }
  return place(first_).answered && place(first_).size > offset_;
}

std::size_t ReplyQueue::gather(std::span<iovec> out) const {
  std::size_t count = 0;
  if (!interim_.empty() && count < out.size()) {
    out[count++] = to_iovec(interim_.data(), interim_.size());
  }
  std::size_t skip = offset_;
  for (std::uint32_t sequence = first_; sequence != next_; ++sequence) {
    const Place& here = place(sequence);
    if (!here.answered) {
      break;
    }
    const auto add = [&](const void* data, std::size_t size) {
      const std::size_t skipped = std::min(skip, size);
      skip -= skipped;
      if (size > skipped && count < out.size()) {
        out[count++] = to_iovec(static_cast<const char*>(data) + skipped, size - skipped);
      }
    };
    add(here.text.data(), here.text.size());
    for (const Buffer& part : here.body) {
      add(part.data(), part.size());
    }
    if (count == out.size() || !here.traits.keep_alive) {
      break;
    }
  }
  return count;
}

ReplyQueue::Written ReplyQueue::written(std::size_t size) {
  const std::size_t of_interim = std::min(size, interim_.size());
  interim_.remove_prefix(of_interim);
  size -= of_interim;
  Written result{.started_first = started_};
  while (size > 0) {
    SLUICE_CHECK(!empty() && place(first_).answered);
    const Place& here = place(first_);
    if (started_ == first_) {
      ++started_;
    }
    const std::size_t taken = std::min(size, here.size - offset_);
    offset_ += taken;
    size -= taken;
    if (offset_ == here.size && here.open) {
      forget_written();
    } else if (offset_ == here.size) {
      result.finished = result.finished || !here.traits.keep_alive;
      free_first();
    }
  }
  result.started_last = started_;
  return result;
}

// Of the first answer, which goes on.
void ReplyQueue::forget_written() noexcept {
  Place& here = place(first_);
  budget_.give(offset_);
  here.traits.charged -= offset_;
  here.text.erase(0, offset_);
  here.size -= offset_;
  offset_ = 0;
}

void ReplyQueue::free_first() noexcept {
  Place& here = place(first_);
  budget_.give(here.traits.charged);
  here.traits = {};
  here.answered = false;
  here.open = false;
  here.body.clear();
  here.text.clear();
  if (here.text.capacity() > kKeptText) {
    here.text.shrink_to_fit();
  }
  here.size = 0;
  ++first_;
  offset_ = 0;
}

void ReplyQueue::drop_all() noexcept {
  while (!empty()) {
    free_first();
  }
  started_ = first_;
  waiting_ = 0;
  interim_ = {};
}

}  // namespace sluice::gateway
