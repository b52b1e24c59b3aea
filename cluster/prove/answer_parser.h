// HTTP/1.1 answers as they come out of a connection's bytes: those with Content-Length, which is
// all that the server sends to such requests. Pure. Safe on whatever a server sends.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace sluice::cluster {

// Views into the parser's memory.
struct AnswerView {
  int status = 0;
  bool last = false;                     // the server closes the connection after it
  std::string_view served_by;            // the header Sluice-Model; empty when absent
  std::optional<std::size_t> json_size;  // Inference-Header-Content-Length
  std::string_view body;
};

class AnswerParser {
 public:
  // Where the next received bytes are to be written. Ends the life of all views.
  std::span<char> room();
  void received(std::size_t count);

  // The next whole answer; nothing when bytes of it are missing. data_corrupt when it is no such
  // answer: the connection is of no use any more.
  Result<std::optional<AnswerView>> next();

  // True when every received byte belongs to an answer that was returned.
  [[nodiscard]] bool empty() const noexcept { return used_ == filled_; }
  void clear() noexcept;

 private:
  struct Head {
    std::size_t size = 0;  // with its empty line
    std::size_t body_size = 0;
    AnswerView answer;
  };
  Result<std::optional<Head>> read_head(std::string_view bytes) const;

  std::string memory_;
  std::size_t used_ = 0;    // before it: returned already
  std::size_t filled_ = 0;  // before it: received
  std::size_t wanted_ = 0;  // how much room the answer under way needs
};

}  // namespace sluice::cluster
