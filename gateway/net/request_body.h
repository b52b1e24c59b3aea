// RequestBody: the bytes of one body while they arrive; one contiguous, aligned buffer in the end.
//
// Memory follows what was sent, not what was announced: up to kFirstBytes are set aside at first,
// and only a body that has filled them gets room for all of it, whose pages the system provides as
// they are written. A body up to kFirstBytes of known length is never copied, a larger one once for
// its first kFirstBytes.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "common/base/limits.h"
#include "common/tensor/buffer.h"

namespace sluice::gateway {

class RequestBody {
 public:
  static constexpr std::size_t kFirstBytes = 1 * limits::kMiB;

  // A body of exactly `size` bytes.
  void start_known(std::size_t size);
  // A body of unknown size, at most `limit`.
  void start_unknown(std::size_t limit);

  // Where the next bytes go: 1 to `wanted` of them. Empty when there is no memory. `wanted` is at
  // least 1 and keeps within the body's size or limit.
  std::span<std::byte> space(std::size_t wanted);
  // `size` bytes were written to the last space().
  void filled(std::size_t size);
  // False when there is no memory.
  bool append(std::string_view bytes);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // The body; this is empty afterwards.
  Buffer finish();
  void drop();

 private:
  bool grow(std::size_t needed);

  MutableBuffer bytes_;
  std::size_t size_ = 0;
  std::size_t most_ = 0;
  bool known_ = false;
};

}  // namespace sluice::gateway
