// HTTP for the commands that speak to a server, over libcurl; the only file that includes it is
// http_client.cc.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

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
  Result<HttpAnswer> post(const std::string& path, const std::string& body, std::size_t json_size);
  Result<HttpAnswer> post_json(const std::string& path, const std::string& body);

 private:
  struct Close {
    void operator()(void* handle) const noexcept;
  };
  HttpClient() = default;
  Result<HttpAnswer> perform(const std::string& path);
  Result<HttpAnswer> post_with(const std::string& path,
                               const std::string& body,
                               std::span<const std::string> headers);

  std::unique_ptr<void, Close> handle_;  // CURL*
  std::string base_;
  Duration timeout_{};
};

}  // namespace sluice::cluster
