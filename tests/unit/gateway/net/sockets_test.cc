#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/net/bind.h"
#include "gateway/net/socket_address.h"

namespace sluice {
namespace {

TEST(SocketAddress, IsWrittenAsItIsRead) {
  struct Case {
    const char* text;
    const char* shown;
    int port;
  };
  for (const Case& each : std::vector<Case>{{"127.0.0.1:8000", "127.0.0.1:8000", 8000},
                                            {"[::1]:0", "[::1]:0", 0},
                                            {"[2001:db8::2]:65535", "[2001:db8::2]:65535", 65535},
                                            {":8000", "0.0.0.0:8000", 8000},
                                            {"localhost:80", "127.0.0.1:80", 80}}) {
    const auto address = parse_address(each.text);
    ASSERT_TRUE(address) << each.text;
    EXPECT_EQ(address->text(), each.shown);
    EXPECT_EQ(address->port(), each.port);
  }
}

TEST(SocketAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"",
                           "8000",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:80x",
                           "127.0.0.1:+80",
                           "127.0.0:80",
                           "::1:80",
                           "[::1:80",
                           "[::1]80",
                           "[127.0.0.1]:80",
                           "example.org:80",
                           "[]:80",
                           " :80"}) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::invalid_argument) << text;
  }
}

UniqueFd connected_to(const SocketAddress& address) {
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), address.data(), address.size()) == 0 ? std::move(fd) : UniqueFd();
}

TEST(Bind, SeveralSocketsShareOneAddressOfTheirOwn) {
  const auto bound = bind_listeners(*parse_address("127.0.0.1:0"), 3);
  ASSERT_TRUE(bound) << bound.error().detail;
  ASSERT_EQ(bound->fds.size(), 3U);
  EXPECT_NE(bound->address.port(), 0);
  std::vector<UniqueFd> clients;
  std::set<std::size_t> reached;
  for (int i = 0; i < 200 && reached.size() < 3; ++i) {
    clients.push_back(connected_to(bound->address));
    ASSERT_TRUE(clients.back());
    for (std::size_t k = 0; k < 3; ++k) {
      if (UniqueFd accepted(accept(bound->fds[k].get(), nullptr, nullptr)); accepted) {
        reached.insert(k);
        int on = 0;
        socklen_t size = sizeof on;
        getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
        EXPECT_EQ(on, 1);
      }
    }
  }
  EXPECT_EQ(reached.size(), 3U);
}

TEST(Bind, AnAddressInUseIsAnErrorThatNamesIt) {
  const auto first = bind_listeners(*parse_address("127.0.0.1:0"), 2);
  ASSERT_TRUE(first);
  const auto second = bind_listeners(first->address, 2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_EQ(second.error().detail,
            "listen on " + first->address.text() + ": another process listens on it");
}

TEST(Bind, AnAddressIsFreeAgainAfterItsListeners) {
  auto first = bind_listeners(*parse_address("127.0.0.1:0"), 2);
  ASSERT_TRUE(first);
  const SocketAddress address = first->address;
  const UniqueFd client = connected_to(address);
  ASSERT_TRUE(client);
  first->fds.clear();
  EXPECT_TRUE(bind_listeners(address, 2));
}

TEST(Bind, AnAddressOfAnotherMachineIsTheCallersMistake) {
  const auto bound = bind_listeners(*parse_address("192.0.2.1:0"), 1);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::invalid_argument);
}

TEST(Bind, AdoptsAListenerAlone) {
  auto bound = bind_listeners(*parse_address("127.0.0.1:0"), 1);
  ASSERT_TRUE(bound);
  const int fd = bound->fds.front().release();
  ASSERT_EQ(fcntl(fd, F_SETFL, 0), 0);
  const auto adopted = adopt_listener(fd);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);

  EXPECT_FALSE(adopt_listener(socket(AF_INET, SOCK_STREAM, 0)));
  EXPECT_FALSE(adopt_listener(open("/dev/null", O_RDONLY)));
}

}  // namespace
}  // namespace sluice
