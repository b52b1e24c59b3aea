// ReplyQueue: the requests of one connection that are not answered completely, in the order they
// came, and the bytes of their answers, in the order they must go out. A streamed answer is in
// chunks and holds what was not written of it yet. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "common/tensor/buffer.h"
#include "gateway/net/buffer_budget.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

class ReplyQueue {
 public:
  // `capacity`: requests in flight, a power of two.
  ReplyQueue(BufferBudget& budget, std::size_t capacity) : budget_(budget), capacity_(capacity) {}
  ~ReplyQueue() { drop_all(); }
  ReplyQueue(const ReplyQueue&) = delete;
  ReplyQueue& operator=(const ReplyQueue&) = delete;

  struct Traits {
    bool head_method = false;  // HEAD: its answer has no body
    bool http_1_0 = false;
    bool keep_alive = true;
    std::size_t charged =
        0;  // bytes of its body, taken from the budget; given back with the answer
  };
  // Opens the next place and returns its sequence number. Not when full().
  std::uint32_t begin(const Traits& traits);

  [[nodiscard]] bool full() const noexcept { return next_ - first_ == capacity_; }
  [[nodiscard]] bool empty() const noexcept { return next_ == first_; }
  [[nodiscard]] std::uint32_t first() const noexcept { return first_; }
  [[nodiscard]] std::uint32_t next() const noexcept { return next_; }
  // Whether that request is here and unanswered.
  [[nodiscard]] bool waiting(std::uint32_t sequence) const noexcept;
  [[nodiscard]] const Traits& traits(std::uint32_t sequence) const noexcept;
  [[nodiscard]] std::size_t waiting_count() const noexcept { return waiting_; }

  // Answers a waiting request. `keep_alive` false: the connection ends with it. Body parts are
  // kept, small ones are copied behind the head.
  void answer(std::uint32_t sequence, ClientReply reply, bool keep_alive, std::string_view date);

  // More of a streamed answer. Returns how many bytes of it are not written now.
  std::size_t append(std::uint32_t sequence, std::string_view bytes);
  // That was all of it. True: and all of it is written, the connection ends.
  bool finish(std::uint32_t sequence);
  // Whether that request is here and its answer is one that goes on.
  [[nodiscard]] bool streaming(std::uint32_t sequence) const noexcept;

  // An interim answer of static storage, before the next answer. False: an answer is half written,
  // or an interim one is on its way already.
  bool interim(std::string_view text);

  [[nodiscard]] bool has_output() const noexcept;
  // Fills in what may be written now; how many entries of `out` were used.
  std::size_t gather(std::span<iovec> out) const;

  struct Written {
    std::uint32_t started_first = 0;  // answers whose first byte went out: [first, last)
    std::uint32_t started_last = 0;
    bool finished = false;  // the answer that ends the connection is out
  };
  // `size` bytes of what gather() gave were written.
  Written written(std::size_t size);

  // Forgets everything, with what was charged.
  void drop_all() noexcept;

 private:
  struct Place {
    Traits traits;
    bool answered = false;
    bool open = false;  // a streamed answer that goes on: `text` is what is not written of it
    std::string text;   // head, and the body when it is small
    std::vector<Buffer> body;
    std::size_t size = 0;  // of all of the answer
  };

  Place& place(std::uint32_t sequence) noexcept { return places_[sequence & (places_.size() - 1)]; }
  [[nodiscard]] const Place& place(std::uint32_t sequence) const noexcept {
    return places_[sequence & (places_.size() - 1)];
  }
  void widen();
  void extend(Place& place, std::string_view bytes);
  void forget_written() noexcept;
  void free_first() noexcept;

  BufferBudget& budget_;
  std::size_t capacity_;
  std::vector<Place> places_;  // a ring, of a power of two; grows to capacity_
  std::uint32_t first_ = 0;    // oldest that is not completely written
  std::uint32_t next_ = 0;
  std::uint32_t started_ = 0;  // answers before it have begun to go out
  std::size_t waiting_ = 0;
  std::size_t offset_ = 0;  // written of the first answer
  std::string_view interim_;
};

}  // namespace sluice::gateway
