#include "cluster/serve/http_get.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

constexpr std::uint16_t kDefaultPort = 8000;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::string shown(const HttpAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Value of a header of a received head, trimmed; empty when absent.
std::string_view header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && same_word(line.substr(0, colon), name)) {
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return value;
    }
  }
  return {};
}

Result<UniqueFd> begin_connect(const HttpAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const int failed = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return Error{ErrorCode::unavailable, "host '" + address.host + "': " + ::gai_strerror(failed)};
  }
  UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int connected = socket ? ::connect(socket.get(), found->ai_addr, found->ai_addrlen) : -1;
  const int reason = errno;
  ::freeaddrinfo(found);
  if (connected != 0 && reason != EINPROGRESS) {
    return Error{ErrorCode::unavailable,
                 "no server answers at " + shown(address) + ": " + ::strerrordesc_np(reason)};
  }
  return socket;
}

}  // namespace

Result<HttpAddress> parse_url(std::string_view url) {
  const Error wrong{ErrorCode::invalid_argument,
                    "'" + std::string(url) + "' is not of the form http://HOST:PORT"};
  constexpr std::string_view kScheme = "http://";
  if (url.substr(0, kScheme.size()) != kScheme) {
    return wrong;
  }
  url.remove_prefix(kScheme.size());
  if (!url.empty() && url.back() == '/') {
    url.remove_suffix(1);
  }
  HttpAddress address{.host = {}, .port = kDefaultPort};
  const std::size_t bracket = url.find(']');
  const std::size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = url.substr(0, colon);
  if (colon != std::string_view::npos) {
    const auto port = parse_number<std::uint16_t>(url.substr(colon + 1));
    if (!port || *port == 0) {
      return wrong;
    }
    address.port = *port;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || host.find_first_of("/[]@ ") != std::string_view::npos) {
    return wrong;
  }
  address.host = host;
  return address;
}

Result<HttpGet> HttpGet::start(const HttpAddress& address, std::string_view path) {
  HttpGet get;
  SLUICE_TRY_ASSIGN(get.socket_, begin_connect(address));
  get.where_ = shown(address);
  get.request_ = "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + get.where_ +
                 "\r\nConnection: close\r\nAccept: application/json\r\n\r\n";
  return get;
}

short HttpGet::events() const noexcept {
  return request_.empty() ? POLLIN : POLLOUT;
}

Result<bool> HttpGet::advance() {
  if (!request_.empty()) {
    return write_request();
  }
  while (true) {
    char part[16 * limits::kKiB];
    const ssize_t count = ::recv(socket_.get(), part, sizeof part, 0);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && errno == EAGAIN) {
      return false;
    }
    if (count < 0) {
      return Error{ErrorCode::unavailable, where_ + ": " + ::strerrordesc_np(errno)};
    }
    received_.append(part, static_cast<std::size_t>(count));
    if (received_.size() > limits::kStatusReplyBytes) {
      return Error{ErrorCode::data_corrupt, where_ + " sent more than 16 MiB"};
    }
    SLUICE_TRY_ASSIGN(const bool complete, take_reply(count == 0));
    if (complete) {
      return true;
    }
  }
}

Result<bool> HttpGet::write_request() {
  const ssize_t count = ::send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
  if (count >= 0) {
    request_.erase(0, static_cast<std::size_t>(count));
    return false;
  }
  if (errno == EAGAIN || errno == EINTR || errno == ENOTCONN) {
    return false;
  }
  return Error{ErrorCode::unavailable,
               "no server answers at " + where_ + ": " + ::strerrordesc_np(errno)};
}

Result<bool> HttpGet::take_reply(bool ended) {
  const Error wrong{ErrorCode::data_corrupt, where_ + " does not answer as Sluice does"};
  const std::size_t end = received_.find("\r\n\r\n");
  if (end == std::string::npos) {
    return ended ? Result<bool>(wrong) : Result<bool>(false);
  }
  const std::string_view head = std::string_view(received_).substr(0, end);
  const auto status = head.size() >= 12 && head.substr(0, 7) == "HTTP/1."
                          ? parse_number<int>(head.substr(9, 3))
                          : std::nullopt;
  const auto length = parse_number<std::size_t>(header(head, "Content-Length"));
  if (!status || !header(head, "Transfer-Encoding").empty()) {
    return wrong;
  }
  const std::string_view body = std::string_view(received_).substr(end + 4);
  if (!ended && (!length || body.size() < *length)) {
    return false;
  }
  if (length && body.size() < *length) {
    return wrong;
  }
  reply_.status = *status;
  reply_.body = body.substr(0, length.value_or(body.size()));
  return true;
}

Result<HttpReply> http_get(const HttpAddress& address, std::string_view path, Duration timeout) {
  const SystemClock clock;
  const TimePoint deadline = clock.now() + timeout;
  SLUICE_TRY_ASSIGN(HttpGet get, HttpGet::start(address, path));
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.now()).count();
    pollfd wait{.fd = get.fd(), .events = get.events(), .revents = 0};
    const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready == 0) {
      return Error{ErrorCode::deadline_exceeded,
                   shown(address) + " has not answered within " +
                       std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count()) +
                       " s"};
    }
    if (ready < 0 && errno != EINTR) {
      return Error{ErrorCode::unavailable, ::strerrordesc_np(errno)};
    }
    SLUICE_TRY_ASSIGN(const bool complete, get.advance());
    if (complete) {
      return get.reply();
    }
  }
}

}  // namespace sluice::cluster
