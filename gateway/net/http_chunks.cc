#include "gateway/net/http_chunks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "gateway/net/http_chars.h"

namespace sluice::gateway {

namespace {

// -1 when it is no hexadecimal digit.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

Refusal body_over(std::size_t limit) {
  return over_limit(413,
                    HttpRefusal::body_too_large,
                    "the body has more than " + std::to_string(limit) + " bytes");
}

}  // namespace

ChunkDecoder::At ChunkDecoder::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  return At::refused;
}

ChunkDecoder::Step ChunkDecoder::next(std::string_view bytes) {
  std::size_t taken = 0;
  while (true) {
    if (at_ == At::done) {
      return {Outcome::done, taken, {}};
    }
    if (at_ == At::refused) {
      return {Outcome::refused, taken, {}};
    }
    if (taken == bytes.size()) {
      return {Outcome::more, taken, {}};
    }
    if (at_ == At::data) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - taken));
      skip(size);
      return {Outcome::data, taken + size, bytes.substr(taken, size)};
    }
    at_ = on_byte(bytes[taken]);
    ++taken;
  }
}

void ChunkDecoder::skip(std::uint64_t size) noexcept {
  SLUICE_CHECK(at_ == At::data && size <= left_);
  left_ -= size;
  if (left_ == 0) {
    at_ = At::data_return;
  }
}

ChunkDecoder::At ChunkDecoder::on_byte(char c) {
  switch (at_) {
    case At::size_start:
    case At::size_digits:
    case At::extension:
    case At::size_line_feed:
      return on_size(c);
    case At::data_return:
      return c == '\r' ? At::data_line_feed
                       : refuse(bad_request("a chunk has more bytes than its size says"));
    case At::data_line_feed:
      return c == '\n' ? At::size_start
                       : refuse(bad_request("the data of a chunk does not end in CR LF"));
    case At::trailer_start:
    case At::trailer_name:
    case At::trailer_value:
    case At::trailer_line_feed:
    case At::end_line_feed:
      return on_trailer(c);
    case At::data:
    case At::done:
    case At::refused:
      break;
  }
  SLUICE_CHECK(false);
  return At::refused;
}

ChunkDecoder::At ChunkDecoder::on_size(char c) {
  if (++line_size_ > limits::kChunkLineBytes) {
    return refuse(bad_request("the line of a chunk's size is longer than " +
                              std::to_string(limits::kChunkLineBytes) + " bytes"));
  }
  if (at_ == At::size_line_feed) {
    return c == '\n' ? end_size_line()
                     : refuse(bad_request("the line of a chunk's size does not end in CR LF"));
  }
  if (at_ == At::extension) {
    if (c == '\r') {
      return At::size_line_feed;
    }
    if (!is_value_char(c)) {
      return refuse(bad_request("a chunk extension has a control byte"));
    }
    if (++extension_size_ > limits::kChunkExtensionBytes) {
      return refuse(bad_request("the chunk extensions have more than " +
                                std::to_string(limits::kChunkExtensionBytes) + " bytes"));
    }
    return At::extension;
  }
  if (const int digit = hex_value(c); digit >= 0) {
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
    // Checked at each digit: no overflow.
    return size_ <= options_->body_bytes ? At::size_digits
                                         : refuse(body_over(options_->body_bytes));
  }
  if (at_ == At::size_digits && (c == '\r' || c == ';')) {
    return c == '\r' ? At::size_line_feed : At::extension;
  }
  return refuse(bad_request("a chunk's size is not a hexadecimal number: " + shown({&c, 1})));
}

ChunkDecoder::At ChunkDecoder::end_size_line() {
  line_size_ = 0;
  left_ = std::exchange(size_, 0);
  if (left_ == 0) {
    return At::trailer_start;
  }
  if (++chunk_count_ > options_->chunk_count) {
    return refuse(
        over_limit(413,
                   HttpRefusal::body_too_large,
                   "the body has more than " + std::to_string(options_->chunk_count) + " chunks"));
  }
  total_ += left_;
  return total_ <= options_->body_bytes ? At::data : refuse(body_over(options_->body_bytes));
}

ChunkDecoder::At ChunkDecoder::on_trailer(char c) {
  if (++trailer_size_ > limits::kTrailerBytes) {
    return refuse(over_limit(
        431,
        HttpRefusal::head_too_large,
        "the trailers are larger than " + std::to_string(limits::kTrailerBytes) + " bytes"));
  }
  switch (at_) {
    case At::trailer_start:
      if (c == '\r') {
        return At::end_line_feed;
      }
      return is_token_char(c) ? At::trailer_name : refuse(bad_request("malformed trailer"));
    case At::trailer_name:
      if (c == ':') {
        return At::trailer_value;
      }
      return is_token_char(c) ? At::trailer_name
                              : refuse(bad_request("malformed name of a trailer"));
    case At::trailer_value:
      if (c == '\r') {
        return At::trailer_line_feed;
      }
      return is_value_char(c) ? At::trailer_value
                              : refuse(bad_request("the value of a trailer has a control byte"));
    case At::trailer_line_feed:
      return c == '\n' ? At::trailer_start : refuse(bad_request("a trailer does not end in CR LF"));
    default:  // end_line_feed
      return c == '\n' ? At::done : refuse(bad_request("the body does not end in CR LF"));
  }
}

}  // namespace sluice::gateway
