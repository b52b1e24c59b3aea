// BufferBudget: how many bytes of bodies and answers all connections of a listener may hold at
// once.

#pragma once

#include <cstddef>

#include "gateway/net/http_counters.h"

namespace sluice::gateway {

class BufferBudget {
 public:
  // `gauge` shows the bytes held to other threads.
  BufferBudget(std::size_t limit, Counter& gauge) : limit_(limit), gauge_(gauge) {}

  [[nodiscard]] bool has(std::size_t bytes) const noexcept {
    return used_ <= limit_ && bytes <= limit_ - used_;
  }
  // False, and nothing taken, when the limit would be passed.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    if (!has(bytes)) {
      return false;
    }
    take_anyway(bytes);
    return true;
  }
  // For answers: they exist already, and refusing new bodies keeps their number bounded.
  void take_anyway(std::size_t bytes) noexcept {
    used_ += bytes;
    gauge_.add(bytes);
  }
  void give(std::size_t bytes) noexcept {
    used_ -= bytes;
    gauge_.subtract(bytes);
  }

 private:
  std::size_t limit_;
  std::size_t used_ = 0;
  Counter& gauge_;
};

}  // namespace sluice::gateway
