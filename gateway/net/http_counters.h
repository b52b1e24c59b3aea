// What a listener counts: written by its loop's thread alone, read by any.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::gateway {

// One writer: a load and a store, no locked instruction.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Why the listener itself refused a request or gave a connection up. One label in the metrics.
enum class HttpRefusal : std::uint8_t {
  bad_request,           // 400, 501, 417, 505: framing, syntax, an unknown coding or version
  head_too_large,        // 414, 431
  body_too_large,        // 413
  memory_full,           // 503: buffered bodies of the shard
  too_many_connections,  // 503
  head_timeout,          // 408
  body_timeout,          // 408
  write_timeout,         // no status: the client does not read its answer
  idle_timeout,          // no status: no request came
  truncated,             // 400: the connection ended inside a request
};
inline constexpr std::size_t kHttpRefusalCount = 10;

// "bad_request" and so on.
std::string_view name_of(HttpRefusal reason) noexcept;

struct HttpCounters {
  Counter accepted;
  Counter closed;
  Counter active;    // connections open now
  Counter requests;  // handed to the handler
  Counter replies;   // taken from the handler, stale ones excluded
  Counter stale_replies;
  Counter abandoned;        // requests whose client went away before the answer
  Counter accept_failures;  // EMFILE and the like
  Counter bytes_in;
  Counter bytes_out;
  Counter buffered_bytes;  // of bodies and answers held now
  std::array<Counter, kHttpRefusalCount> refused;

  void refuse(HttpRefusal reason) noexcept { refused[static_cast<std::size_t>(reason)].add(); }
  [[nodiscard]] std::uint64_t refused_for(HttpRefusal reason) const noexcept {
    return refused[static_cast<std::size_t>(reason)].value();
  }
};

}  // namespace sluice::gateway
