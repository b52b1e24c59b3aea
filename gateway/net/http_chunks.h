// Decoder of the chunked transfer coding (RFC 9112, section 7.1). Pure; keeps no bytes. Extensions
// and trailers are checked, bounded and thrown away.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/net/http_options.h"
#include "gateway/net/http_refusal.h"

namespace sluice::gateway {

class ChunkDecoder {
 public:
  explicit ChunkDecoder(const HttpOptions& options) : options_(&options) {}

  enum class Outcome : std::uint8_t {
    more,     // all bytes were taken
    data,     // `data` belongs to the body; call again with the rest
    done,     // the body is complete; what was not taken belongs to the next request
    refused,  // see refusal()
  };
  struct Step {
    Outcome outcome = Outcome::more;
    std::size_t taken = 0;  // of the bytes given, `data` included
    std::string_view data;  // view into the bytes given
  };
  Step next(std::string_view bytes);

  // Bytes of the present chunk still to come: the caller may read that many straight into the body
  // and report them with skip().
  [[nodiscard]] std::uint64_t data_left() const noexcept { return left_; }
  void skip(std::uint64_t size) noexcept;

  [[nodiscard]] const Refusal& refusal() const noexcept { return *refusal_; }

 private:
  enum class At : std::uint8_t {
    size_start,
    size_digits,
    extension,
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_line_feed,
    end_line_feed,
    done,
    refused,
  };
  // Takes one byte of anything but data; the next state, or nothing when it is refused.
  At on_byte(char c);
  At on_size(char c);
  At on_trailer(char c);
  At end_size_line();
  At refuse(Refusal refusal);

  const HttpOptions* options_;
  At at_ = At::size_start;
  std::uint64_t size_ = 0;   // of the present chunk, as read so far
  std::uint64_t left_ = 0;   // of its data
  std::uint64_t total_ = 0;  // of the body, the present chunk included
  std::size_t line_size_ = 0;
  std::size_t extension_size_ = 0;
  std::size_t trailer_size_ = 0;
  std::size_t chunk_count_ = 0;
  std::optional<Refusal> refusal_;
};

}  // namespace sluice::gateway
