#include "gateway/net/reply_queue.h"

#include <algorithm>
#include <bit>
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
  here.traits.keep_alive = keep_alive;
  --waiting_;
  budget_.give(here.traits.charged);
  here.traits.charged = here.size;
  budget_.take_anyway(here.size);
}

bool ReplyQueue::interim(std::string_view text) {
  if (offset_ > 0 || !interim_.empty()) {
    return false;
  }
  interim_ = text;
  return true;
}

bool ReplyQueue::has_output() const noexcept {
  return !interim_.empty() || (!empty() && place(first_).answered);
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
    if (offset_ == 0) {
      ++started_;
    }
    const std::size_t taken = std::min(size, here.size - offset_);
    offset_ += taken;
    size -= taken;
    if (offset_ == here.size) {
      result.finished = result.finished || !here.traits.keep_alive;
      free_first();
    }
  }
  result.started_last = started_;
  return result;
}

void ReplyQueue::free_first() noexcept {
  Place& here = place(first_);
  budget_.give(here.traits.charged);
  here.traits = {};
  here.answered = false;
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
