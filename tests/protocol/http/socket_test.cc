// The listener over real sockets: what a client sees.

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/protocol/http/echo_server.h"
#include "tests/protocol/http/raw_client.h"
#include "tests/support/wait_until.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

std::string post(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + more + "\r\n" + body;
}

TEST(HttpSocket, AnswersARequest) {
  EchoServer server;
  const RawReply reply = ask(server.port(), post("/echo", "hello"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_NE(reply.head.find("\r\nDate: "), std::string::npos);
  EXPECT_EQ(reply.head.find("Connection"), std::string::npos);
}

TEST(HttpSocket, KeepsTheConnectionForTheNextRequest) {
  EchoServer server;
  RawClient client(server.port());
  for (int i = 0; i < 100; ++i) {
    client.send(get("/path?" + std::to_string(i)));
    EXPECT_EQ(client.read_reply().body, "GET /path " + std::to_string(i));
  }
  EXPECT_EQ(server.counters().accepted.value(), 1U);
}

TEST(HttpSocket, PipelinedRequestsAreAnsweredInOrderWhateverTheOrderOfTheReplies) {
  EchoServer server;
  RawClient client(server.port());
  std::string all;
  constexpr int kCount = 200;  // far more than may be in flight
  for (int i = 0; i < kCount; ++i) {
    all += get((i % 3 == 0 ? "/path?" : "/later?") + std::to_string(i));
  }
  client.send(all);
  for (int i = 0; i < kCount; ++i) {
    const std::string path = i % 3 == 0 ? "/path " : "/later ";
    EXPECT_EQ(client.read_reply().body, "GET " + path + std::to_string(i));
  }
}

TEST(HttpSocket, AtMostSixteenRequestsOfAConnectionAreInFlight) {
  EchoServer server;
  RawClient client(server.port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += get("/hold");
  }
  client.send(all);
  EXPECT_TRUE(wait_until([&] { return server.held() == 16; }));
  server.release();
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(client.read_reply().body, "released " + std::to_string(i + 1));
  }
  EXPECT_TRUE(wait_until([&] { return server.held() == 4; }));
  server.release();
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(HttpSocket, ALargeBodyGoesThroughBothWays) {
  EchoServer server;
  std::string body(20'000'000, 'a');
  for (std::size_t i = 0; i < body.size(); i += 4093) {
    body[i] = static_cast<char>('a' + i % 26);
  }
  RawClient client(server.port());
  // The server reads all of it before it answers, so one thread can send and then read.
  client.send(post("/echo", body));
  EXPECT_TRUE(client.read_reply().body == body);
  client.send(post("/size", "after"));
  EXPECT_EQ(client.read_reply().body, "5");
}

TEST(HttpSocket, AChunkedBodyGoesThrough) {
  EchoServer server;
  std::string sent = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string want;
  for (int i = 1; i < 60; ++i) {
    const std::string chunk(static_cast<std::size_t>(i * i * 20), static_cast<char>('a' + i % 26));
    char size[32];
    static_cast<void>(std::snprintf(size, sizeof size, "%zx\r\n", chunk.size()));
    sent += size + chunk + "\r\n";
    want += chunk;
  }
  sent += "0\r\n\r\n";
  RawClient client(server.port());
  client.send(sent);
  EXPECT_EQ(client.read_reply().body, want);
}

// graphpipe-tf's operator: libcurl with both framings and Expect. Without the 100 it waits a
// second.
TEST(HttpSocket, ChunkedWithLengthAndExpectIsServedWithoutAStall) {
  EchoServer server;
  RawClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nTransfer-Encoding: chunked\r\n"
      "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_reply().status, 100);
  client.send("b\r\nhello world\r\n0\r\n\r\n");
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello world");
  EXPECT_NE(reply.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.ends());
}

TEST(HttpSocket, AnAnswerIsNotOvertakenByTheContinueOfTheNextRequest) {
  EchoServer server;
  RawClient client(server.port());
  client.send(
      get("/hold") +
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(wait_until([&] { return server.held() == 1; }));
  server.release();
  EXPECT_EQ(client.read_reply().body, "released 1");
  EXPECT_EQ(client.read_reply().status, 100);
  client.send("ok");
  EXPECT_EQ(client.read_reply().body, "ok");
}

TEST(HttpSocket, HeadHasTheLengthAndNoBody) {
  EchoServer server;
  RawClient client(server.port());
  client.send("HEAD /big?1000 HTTP/1.1\r\nHost: x\r\n\r\n" + get("/path?next"));
  const RawReply reply = client.read_reply(true);
  EXPECT_NE(reply.head.find("Content-Length: 1000\r\n"), std::string::npos);
  EXPECT_EQ(client.read_reply().body, "GET /path next");
}

TEST(HttpSocket, Http10ClosesUnlessAskedToKeep) {
  EchoServer server;
  RawClient closing(server.port());
  closing.send("GET /path HTTP/1.0\r\n\r\n");
  EXPECT_NE(closing.read_reply().head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(closing.ends());
  RawClient keeping(server.port());
  keeping.send("GET /path HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(keeping.read_reply().head.find("Connection: keep-alive"), std::string::npos);
  keeping.send("GET /path?2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(keeping.read_reply().body, "GET /path 2");
}

TEST(HttpSocket, AnIdleConnectionIsClosed) {
  EchoServer server({.idle_time = 50ms});
  RawClient client(server.port());
  client.send(get("/path"));
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.counters().refused_for(HttpRefusal::idle_timeout), 1U);
}

TEST(HttpSocket, ARequestWhoseClientIsResetIsAbandoned) {
  EchoServer server;
  RawClient client(server.port());
  client.send(get("/hold") + get("/hold"));
  ASSERT_TRUE(wait_until([&] { return server.held() == 2; }));
  client.reset();
  EXPECT_TRUE(wait_until([&] { return server.abandoned() == 2; }));
  EXPECT_TRUE(wait_until([&] { return server.counters().active.value() == 0; }));
  server.release();
  EXPECT_EQ(ask(server.port(), get("/path")).status, 200);
}

TEST(HttpSocket, ARequestWhoseClientHasClosedIsAbandoned) {
  EchoServer server;
  RawClient client(server.port());
  client.send(get("/hold"));
  ASSERT_TRUE(wait_until([&] { return server.held() == 1; }));
  client.close();
  EXPECT_TRUE(wait_until([&] { return server.abandoned() == 1; }));
}

TEST(HttpSocket, AClientThatShutsItsWriteSideGetsItsAnswers) {
  EchoServer server;
  RawClient client(server.port());
  client.send(get("/path?1") + get("/later?2") + get("/hold"));
  client.shut_write();
  EXPECT_EQ(client.read_reply().body, "GET /path 1");
  EXPECT_EQ(client.read_reply().body, "GET /later 2");
  // It is probed, and then waited for.
  EXPECT_EQ(client.read_reply().status, 100);
  server.release();
  EXPECT_EQ(client.read_reply().body, "released 1");
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.abandoned(), 0);
}

TEST(HttpSocket, AnEndInsideARequestIsSaid) {
  EchoServer server;
  RawClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  client.shut_write();
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, R"({"error":"the connection ended inside the request"})");
  EXPECT_TRUE(client.ends());
}

TEST(HttpSocket, ADrainServesTheNextRequestAndCloses) {
  EchoServer server;
  RawClient idle(server.port());
  idle.send(get("/path"));
  EXPECT_EQ(idle.read_reply().status, 200);
  RawClient busy(server.port());
  busy.send(get("/hold"));
  ASSERT_TRUE(wait_until([&] { return server.held() == 1; }));

  server.on_loop([](HttpListener& listener) {
    listener.drain(std::chrono::steady_clock::now() + 60s);
    EXPECT_EQ(listener.open_connections(), 2U);
    EXPECT_EQ(listener.pending_requests(), 1U);
  });
  server.release();
  EXPECT_NE(busy.read_reply().head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.ends());
  busy.close();
  EXPECT_FALSE(server.drained());

  idle.send(get("/path?again"));
  const RawReply reply = idle.read_reply();
  EXPECT_EQ(reply.body, "GET /path again");
  EXPECT_NE(reply.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(idle.ends());
  idle.close();
  EXPECT_TRUE(wait_until([&] { return server.drained(); }));
}

TEST(HttpSocket, ADrainEndsWhatIsOpenAtItsLimit) {
  EchoServer server;
  RawClient idle(server.port());
  idle.send(get("/path"));
  EXPECT_EQ(idle.read_reply().status, 200);
  RawClient busy(server.port());
  busy.send(get("/hold"));
  ASSERT_TRUE(wait_until([&] { return server.held() == 1; }));
  server.on_loop(
      [](HttpListener& listener) { listener.drain(std::chrono::steady_clock::now() + 20ms); });
  EXPECT_TRUE(idle.ends());
  EXPECT_TRUE(busy.ends());
  EXPECT_TRUE(wait_until([&] { return server.drained(); }));
  EXPECT_EQ(server.abandoned(), 1);
}

TEST(HttpSocket, AStaleReplyIsCountedAndDropped) {
  EchoServer server;
  server.on_loop([](HttpListener& listener) {
    listener.reply({}, ClientReply{});
    listener.reply({.connection = 3, .generation = 1, .sequence = 0}, ClientReply{});
  });
  EXPECT_EQ(server.counters().stale_replies.value(), 2U);
}

TEST(HttpSocket, TheStartOfEachAnswerIsReported) {
  EchoServer server;
  RawClient client(server.port());
  client.send(get("/path") + get("/later") + get("/big?100000"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.read_reply().status, 200);
  }
  EXPECT_TRUE(wait_until([&] { return server.replies_started() == 3; }));
}

}  // namespace
}  // namespace sluice::gateway
