// HTTP for the commands that speak to a server, over libcurl; the only file that includes it is
// http_client.cc.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/tensor/buffer.h"

namespace sluice::cluster {

struct HttpAnswer {
  int status = 0;
  Buffer body;
  std::optional<std::size_t> json_size;  // of its Inference-Header-Content-Length
};

// One server, one connection. Redirects and proxies are not followed. One thread at a time.
class HttpClient {
 public:
  // `base`: "http://HOST:PORT" or "https://...". `timeout`: for each call as a whole.
  static Result<HttpClient> open(std::string base, Duration timeout);

  // unavailable when nobody answers there, deadline_exceeded, resource_exhausted when the answer
  // is larger than limits::kHttpBodyBytes.
  Result<HttpAnswer> get(const std::string& path);
  // An answer that comes bit by bit: each part of it goes to `on_bytes`, until that returns false.
  // Without a limit of time, but for a server that says nothing at all for a minute;
  // an answer other than 200 is returned as a whole.
  Result<HttpAnswer> follow(const std::string& path,
                            const std::function<bool(std::string_view)>& on_bytes);
  Result<HttpAnswer> post(const std::string& path, const std::string& body, std::size_t json_size);
  Result<HttpAnswer> post_json(const std::string& path, const std::string& body);

 private:
  struct Close {
    void operator()(void* handle) const noexcept;
  };
  HttpClient() = default;
  void prepare(const std::string& path);
  Result<HttpAnswer> perform(const std::string& path);
  Result<HttpAnswer> post_with(const std::string& path,
                               const std::string& body,
                               std::span<const std::string> headers);

  std::unique_ptr<void, Close> handle_;  // CURL*
  std::string base_;
  Duration timeout_{};
};

}  // namespace sluice::cluster
