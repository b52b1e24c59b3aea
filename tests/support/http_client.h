// A small blocking HTTP/1.1 client for tests: one connection, requests in any broken form as well,
// every wait with a deadline. It is as strict as a test wants: what it cannot read is no answer.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  // Empty when absent.
  [[nodiscard]] std::string header(std::string_view lower_case_name) const;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

class HttpClient {
 public:
  // Of 127.0.0.1, or of another IPv4 address. Connects at the first use.
  explicit HttpClient(std::uint16_t port, std::string address = "127.0.0.1")
      : port_(port), address_(std::move(address)) {}
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() { close(); }

  // Of each wait for an answer; 10 s at first.
  void set_limit(std::chrono::milliseconds limit) noexcept { limit_ = limit; }

  std::optional<HttpReply> get(std::string_view target) { return request("GET", target); }
  std::optional<HttpReply> post(std::string_view target,
                                std::string_view body,
                                const HttpHeaders& headers = {}) {
    return request("POST", target, headers, body);
  }
  // Adds Host and Content-Length. Nothing when there is no (whole) answer within the limit. The
  // connection is kept unless the answer closes it; a closed one is opened anew by the next call.
  std::optional<HttpReply> request(std::string_view method,
                                   std::string_view target,
                                   const HttpHeaders& headers = {},
                                   std::string_view body = {});

  // The pieces: bytes as they are (false: the other side is gone), and one answer.
  bool connect();
  bool send(std::string_view bytes);
  std::optional<HttpReply> receive();
  // True when the other side ended the connection within the limit, with nothing more to read.
  bool closed_by_peer();
  void close();

 private:
  bool fill(std::chrono::steady_clock::time_point end);  // more bytes into buffer_
  bool read_chunked(std::string& body, std::chrono::steady_clock::time_point end);

  std::uint16_t port_;
  std::string address_;
  std::chrono::milliseconds limit_{10'000};
  int socket_ = -1;
  std::string buffer_;  // received and not used yet
};

}  // namespace sluice::test
