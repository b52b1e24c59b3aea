// The listener's bounds over real sockets: each is reached, said to the client, and survived.

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/protocol/http/echo_server.h"
#include "tests/protocol/http/raw_client.h"
#include "tests/support/wait_until.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

std::string get_of(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

std::string post_of(const std::string& path,
                    const std::string& body,
                    const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + more + "\r\n" + body;
}

TEST(HttpBounds, ABodyOverTheLimitIsRefusedBeforeItIsAskedFor) {
  EchoServer server;
  RawClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 268435457\r\n"
      "Expect: 100-continue\r\n\r\n");
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.body, R"({"error":"the body has 268435457 bytes, the limit is 268435456"})");
  client.shut_write();
  EXPECT_TRUE(client.ends());
}

// A client that writes all of its body before it reads: the answer must survive the close.
TEST(HttpBounds, TheRefusalOfABodyIsSeenByAClientThatIsStillSending) {
  EchoServer server({.body_bytes = 100'000});
  const std::string rest(800'000, 'x');
  int seen = 0;
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 800000\r\n\r\n");
    const bool sent = client.send(rest);
    seen += sent && client.read_reply().status == 413 ? 1 : 0;
  }
  EXPECT_EQ(seen, 20);
  EXPECT_EQ(server.counters().refused_for(HttpRefusal::body_too_large), 20U);
}

// One that sends far more than is discarded, but looks for an answer meanwhile, as curl does.
TEST(HttpBounds, TheRefusalOfAHugeBodyIsSeenByAClientThatLooks) {
  EchoServer server({.body_bytes = 100'000});
  const std::string rest(50'000'000, 'x');
  int seen = 0;
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2faf080\r\n");
    std::jthread sender([&] { client.send(rest); });
    seen += client.read_reply().status == 413 ? 1 : 0;
    client.shut_write();
  }
  EXPECT_EQ(seen, 20);
}

TEST(HttpBounds, ASlowHeadIsRefused) {
  EchoServer server({.head_time = 50ms});
  RawClient client(server.port());
  client.send("GET /path HTT");
  EXPECT_EQ(client.read_reply().status, 408);
  client.shut_write();
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.counters().refused_for(HttpRefusal::head_timeout), 1U);
}

TEST(HttpBounds, ABodyThatStopsIsRefused) {
  EchoServer server({.body_stall = 50ms});
  RawClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\npart of it");
  EXPECT_EQ(client.read_reply().status, 408);
  EXPECT_EQ(server.counters().refused_for(HttpRefusal::body_timeout), 1U);
  client.close();
  EXPECT_TRUE(wait_until([&] { return server.counters().buffered_bytes.value() == 0; }));
}

TEST(HttpBounds, AClientThatDoesNotReadItsAnswerIsClosed) {
  EchoServer server({.write_stall = 50ms});
  RawClient client = RawClient::with_small_window(server.port());
  client.send(get_of("/big?30000000"));
  EXPECT_TRUE(wait_until([&] { return server.counters().closed.value() == 1; }));
  EXPECT_EQ(server.counters().refused_for(HttpRefusal::write_timeout), 1U);
  EXPECT_EQ(server.counters().buffered_bytes.value(), 0U);
}

TEST(HttpBounds, ConnectionsOverTheLimitAreToldSo) {
  EchoServer server({.connections = 10});
  std::vector<RawClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(get_of("/path"));
    EXPECT_EQ(clients.back().read_reply().status, 200);
  }
  for (int i = 0; i < 5; ++i) {
    const RawReply reply = ask(server.port(), get_of("/path"));
    EXPECT_EQ(reply.status, 503);
    EXPECT_NE(reply.head.find("Retry-After: 1\r\n"), std::string::npos);
  }
  clients.clear();
  ASSERT_TRUE(wait_until([&] { return server.counters().active.value() == 0; }));
  EXPECT_EQ(ask(server.port(), get_of("/path")).status, 200);
}

TEST(HttpBounds, BodiesOverTheBudgetOfAllConnectionsAreRefused) {
  EchoServer server({.buffered_bytes = 1'000'000});
  RawClient holding(server.port());
  holding.send(post_of("/hold", std::string(900'000, 'x')));
  ASSERT_TRUE(wait_until([&] { return server.held() == 1; }));
  EXPECT_EQ(server.counters().buffered_bytes.value(), 900'000U);
  EXPECT_EQ(ask(server.port(), post_of("/size", std::string(200'000, 'x'))).status, 503);
  EXPECT_EQ(ask(server.port(), post_of("/size", std::string(50'000, 'x'))).status, 200);
  server.release();
  EXPECT_EQ(holding.read_reply().status, 200);
  EXPECT_EQ(ask(server.port(), post_of("/size", std::string(200'000, 'x'))).status, 200);
}

// Resident memory of this process, server and clients together.
std::size_t resident_bytes() {
  std::size_t pages = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
}

TEST(HttpBounds, AnnouncingALargeBodyCostsLittle) {
  EchoServer server;
  const std::size_t before = resident_bytes();
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 268435456\r\n\r\nfirst bytes");
  }
  EXPECT_TRUE(wait_until([&] { return server.counters().buffered_bytes.value() == 50U * 11; }));
  const std::string more(1'200'000, 'x');  // past what there is room for at first
  clients.front().send(more);
  EXPECT_TRUE(wait_until(
      [&] { return server.counters().buffered_bytes.value() == 50U * 11 + more.size(); }));
  EXPECT_LT(resident_bytes(), before + 150'000'000);  // not 50 x 256 MB, nor 256 MB
}

TEST(HttpBounds, ConnectionsAreBoundedInNumber) {
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_cur < 6'000) {
    GTEST_SKIP() << "NOT TESTED: 6,000 descriptors are not allowed";
  }
  EchoServer server({.connections = 2'000, .linger_time = 60s});
  std::vector<RawClient> served;
  for (int i = 0; i < 2'000; ++i) {
    served.emplace_back(server.port());
  }
  std::vector<RawClient> refused;
  for (int i = 0; i < 256; ++i) {
    refused.emplace_back(server.port());
    EXPECT_EQ(refused.back().read_reply().status, 503);
  }
  for (int i = 0; i < 100; ++i) {
    RawClient closed(server.port());
    EXPECT_TRUE(closed.ends());
  }
  EXPECT_EQ(server.counters().active.value(), 2'256U);
  for (RawClient& client : served) {
    client.send(get_of("/path"));
  }
  for (RawClient& client : served) {
    EXPECT_EQ(client.read_reply().status, 200);
  }
}

TEST(HttpBounds, RunningOutOfDescriptorsIsSurvived) {
  EchoServer server;
  EXPECT_EQ(ask(server.port(), get_of("/path")).status, 200);
  UniqueFd reserved(dup(0));  // for the client's socket
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(wait_until([&] { return server.counters().active.value() == 0; }));
  const int lowest_free = reserved.get();
  reserved.reset();
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;  // one more descriptor: the client's
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  RawClient client(server.port());
  client.send(get_of("/path"));
  EXPECT_TRUE(wait_until([&] { return server.counters().accept_failures.value() >= 2; }));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(client.read_reply().status, 200);
}

}  // namespace
}  // namespace sluice::gateway
