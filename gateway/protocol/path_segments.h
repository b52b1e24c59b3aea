// What every table of paths is made of: a path's segments, and the answers of those that match
// nothing. For routes.cc and its parts alone.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "gateway/protocol/adapters.h"

namespace sluice::gateway {

// A path split at '/', still encoded. More segments than any path of ours has are kept as "too
// many", which matches nothing.
class Segments {
 public:
  explicit Segments(std::string_view path) {
    while (!path.empty()) {
      path.remove_prefix(1);  // the '/'
      const std::size_t end = std::min(path.find('/'), path.size());
      if (count_ == parts_.size()) {
        count_ = 0;
        return;
      }
      parts_[count_++] = path.substr(0, end);
      path.remove_prefix(end);
    }
  }

  [[nodiscard]] bool at_end() const noexcept { return next_ == count_; }
  [[nodiscard]] std::size_t left() const noexcept { return count_ - next_; }
  [[nodiscard]] std::string_view peek() const noexcept {
    return at_end() ? std::string_view{} : parts_[next_];
  }
  std::string_view take() noexcept { return at_end() ? std::string_view{} : parts_[next_++]; }
  // Takes the next segment if it is `word`.
  bool take(std::string_view word) noexcept {
    const bool same = !at_end() && parts_[next_] == word;
    next_ += same ? 1U : 0U;
    return same;
  }

 private:
  std::array<std::string_view, 8> parts_{};  // /v2/models/M/versions/N/trace/setting is the longest
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

ClientReply unknown_path();
ClientReply wrong_method(std::string_view allowed);

// HEAD is asked as GET is; the connection leaves the answer's body out (RFC 9110, 9.3.2).
inline bool reads(const ClientMessage& message) noexcept {
  return message.method == "GET" || message.method == "HEAD";
}

template <class Call>
Route on_get(const ClientMessage& message, Call call) {
  if (!reads(message)) {
    return wrong_method("GET, HEAD");
  }
  return call;
}

// A streamed answer has no end that a HEAD could come to.
template <class Call>
Route on_stream(const ClientMessage& message, Call call) {
  if (message.method != "GET") {
    return wrong_method("GET");
  }
  return call;
}

// The next segment as the name of a model: percent-decoded once and checked.
Result<std::string> take_model_name(Segments& segments);

// What stands behind /v2/repository and /sluice/models (operator_routes.cc).
Route repository_route(const ClientMessage& message, Segments& segments);
Route sluice_models_route(const ClientMessage& message, Segments& segments);

}  // namespace sluice::gateway
