#include "tests/support/http_client.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(
      result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool wait_for(int socket, short events, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(0, left)));
    if (ready > 0) {
      return true;
    }
    if (ready == 0 || errno != EINTR) {
      return false;
    }
  }
}

template <class Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

// "HTTP/1.1 200 OK\r\nName: value..." without the empty line.
std::optional<HttpReply> parse_head(std::string_view head) {
  HttpReply reply;
  std::size_t line_end = head.find("\r\n");
  const std::string_view status_line = head.substr(0, line_end);
  if (!status_line.starts_with("HTTP/1.") || status_line.size() < 12) {
    return std::nullopt;
  }
  const auto status = number_of<int>(status_line.substr(9, 3), 10);
  if (!status) {
    return std::nullopt;
  }
  reply.status = *status;
  while (line_end != std::string_view::npos) {
    head.remove_prefix(line_end + 2);
    line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) {
      value.remove_prefix(1);
    }
    reply.headers.emplace_back(lower(line.substr(0, colon)), value);
  }
  return reply;
}

}  // namespace

std::string HttpReply::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) {
      return value;
    }
  }
  return {};
}

bool HttpClient::connect() {
  close();
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  ::inet_pton(AF_INET, address_.c_str(), &address.sin_addr);
  // NOLINTNEXTLINE: the socket interface is older than C++.
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close();
    return false;
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return true;
}

void HttpClient::close() {
  if (socket_ >= 0) {
    ::close(socket_);
    socket_ = -1;
  }
  buffer_.clear();
}

bool HttpClient::send(std::string_view bytes) {
  const auto end = Clock::now() + limit_;
  while (!bytes.empty()) {
    if (!wait_for(socket_, POLLOUT, end)) {
      return false;
    }
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(0, sent)));
  }
  return true;
}

bool HttpClient::fill(Clock::time_point end) {
  if (socket_ < 0 || !wait_for(socket_, POLLIN, end)) {
    return false;
  }
  char bytes[65'536];
  const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) {
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

bool HttpClient::read_chunked(std::string& body, Clock::time_point end) {
  for (;;) {
    std::size_t line_end = 0;
    while ((line_end = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill(end)) {
        return false;
      }
    }
    const auto size = number_of<std::size_t>(std::string_view(buffer_).substr(0, line_end), 16);
    if (!size) {
      return false;
    }
    while (buffer_.size() < line_end + 2 + *size + 2) {
      if (!fill(end)) {
        return false;
      }
    }
    body.append(buffer_, line_end + 2, *size);
    buffer_.erase(0, line_end + 2 + *size + 2);
    if (*size == 0) {
      return true;
    }
  }
}

std::optional<HttpReply> HttpClient::receive() {
  const auto end = Clock::now() + limit_;
  std::size_t head_end = 0;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(end)) {
      return std::nullopt;
    }
  }
  auto reply = parse_head(std::string_view(buffer_).substr(0, head_end));
  buffer_.erase(0, head_end + 4);
  if (!reply || reply->status < 200) {
    return reply;  // 100 Continue: the next call gives the answer itself
  }
  if (reply->header("transfer-encoding") == "chunked") {
    return read_chunked(reply->body, end) ? reply : std::nullopt;
  }
  const auto length = number_of<std::size_t>(reply->header("content-length"), 10);
  if (!length) {
    while (fill(end)) {
    }
    reply->body = std::move(buffer_);
    buffer_.clear();
    return reply;
  }
  while (buffer_.size() < *length) {
    if (!fill(end)) {
      return std::nullopt;
    }
  }
  reply->body = buffer_.substr(0, *length);
  buffer_.erase(0, *length);
  return reply;
}

bool HttpClient::closed_by_peer() {
  const auto end = Clock::now() + limit_;
  if (socket_ < 0 || !buffer_.empty() || !wait_for(socket_, POLLIN, end)) {
    return false;
  }
  char byte = 0;
  return ::recv(socket_, &byte, 1, MSG_PEEK) <= 0;
}

std::optional<HttpReply> HttpClient::request(std::string_view method,
                                             std::string_view target,
                                             const HttpHeaders& headers,
                                             std::string_view body) {
  if (socket_ < 0 && !connect()) {
    return std::nullopt;
  }
  std::string head = std::string(method) + " " + std::string(target) +
                     " HTTP/1.1\r\nHost: " + address_ + ":" + std::to_string(port_) + "\r\n";
  for (const auto& [name, value] : headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!body.empty() || method == "POST") {
    head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  head += "\r\n";
  if (!send(head + std::string(body))) {
    close();
    return std::nullopt;
  }
  auto reply = receive();
  if (!reply || lower(reply->header("connection")) == "close") {
    close();
  }
  return reply;
}

}  // namespace sluice::test
