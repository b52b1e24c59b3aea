#include "cluster/serve/http_get.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::cluster {
namespace {

TEST(ParseUrl, host_and_port_are_taken_apart) {
  const auto parsed = [](const char* url) {
    const auto address = parse_url(url);
    return address ? address->host + "|" + std::to_string(address->port) : "error";
  };
  EXPECT_EQ(parsed("http://127.0.0.1:8000"), "127.0.0.1|8000");
  EXPECT_EQ(parsed("http://localhost"), "localhost|8000");
  EXPECT_EQ(parsed("http://models.example:81/"), "models.example|81");
  EXPECT_EQ(parsed("http://[::1]:9"), "::1|9");
  for (const char* url : {"",
                          "127.0.0.1:8000",
                          "https://a",
                          "http://",
                          "http://:80",
                          "http://a:",
                          "http://a:0",
                          "http://a:65536",
                          "http://a:80/path",
                          "http://a b",
                          "http://user@a"}) {
    EXPECT_EQ(parsed(url), "error") << url;
  }
}

// A listening socket on a free port whose next connection the test answers by hand.
class PlayedServer {
 public:
  PlayedServer() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    // NOLINTNEXTLINE: the socket interface.
    auto* generic = reinterpret_cast<sockaddr*>(&any);
    EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
    port_ = ntohs(any.sin_port);
  }
  [[nodiscard]] HttpAddress address() const { return {.host = "127.0.0.1", .port = port_}; }

  // Plays one exchange: the request as received, `reply` sent in two pieces, then the end.
  std::string exchange(HttpGet& get, const std::string& reply, Result<bool>& result) {
    std::string request;
    const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
    while (request.find("\r\n\r\n") == std::string::npos) {
      EXPECT_TRUE(get.advance());
      char part[512];
      const ssize_t count = ::recv(peer.get(), part, sizeof part, MSG_DONTWAIT);
      request.append(part, count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    const std::size_t half = reply.size() / 2;
    send(peer.get(), reply.substr(0, half));
    result = wait_and_advance(get);
    send(peer.get(), reply.substr(half));
    ::shutdown(peer.get(), SHUT_WR);
    while (result && !*result) {
      result = wait_and_advance(get);
    }
    return request;
  }

 private:
  static void send(int fd, const std::string& bytes) {
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  static Result<bool> wait_and_advance(HttpGet& get) {
    pollfd ready{.fd = get.fd(), .events = get.events(), .revents = 0};
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
    return get.advance();
  }

  UniqueFd listener_;
  std::uint16_t port_ = 0;
};

std::pair<Result<bool>, HttpReply> get_reply(const std::string& reply) {
  PlayedServer server;
  auto get = HttpGet::start(server.address(), "/v2/health/ready");
  EXPECT_TRUE(get) << get.error().detail;
  Result<bool> result = false;
  const std::string request = server.exchange(*get, reply, result);
  EXPECT_EQ(request.substr(0, request.find('\r')), "GET /v2/health/ready HTTP/1.1");
  return {std::move(result), get->reply()};
}

TEST(HttpGet, a_reply_in_pieces_is_put_together) {
  const auto [complete, reply] =
      get_reply("HTTP/1.1 503 Nope\r\nX: y\r\ncontent-length: 5\r\n\r\nhello");
  ASSERT_TRUE(complete) << complete.error().detail;
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "hello");
}

TEST(HttpGet, without_a_length_the_end_of_the_connection_ends_the_body) {
  const auto [complete, reply] = get_reply("HTTP/1.0 200 OK\r\n\r\nall of it");
  ASSERT_TRUE(complete);
  EXPECT_EQ(reply.body, "all of it");
}

TEST(HttpGet, what_is_not_a_whole_http_answer_is_refused) {
  for (const char* reply : {"SSH-2.0-OpenSSH_9.2\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                            "HTTP/1.1 2xx OK\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                            "HTTP/1.1 200"}) {
    const auto [complete, ignored] = get_reply(reply);
    ASSERT_FALSE(complete) << reply;
    EXPECT_EQ(complete.error().code, ErrorCode::data_corrupt) << reply;
  }
}

TEST(HttpGet, nobody_there_is_unavailable_with_the_address) {
  HttpAddress address;
  { address = PlayedServer().address(); }
  const auto reply = http_get(address, "/", std::chrono::seconds(5));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_NE(reply.error().detail.find("127.0.0.1:" + std::to_string(address.port)),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::cluster
