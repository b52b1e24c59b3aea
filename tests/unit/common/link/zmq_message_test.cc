// Over real sockets in one thread: inproc sockets hand over at once, ipc ones are waited for.

#include "common/link/zmq_message.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "common/link/control_messages.h"
#include "common/link/socket_spec.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace sluice::link {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ZmqMessage : public testing::Test {
 protected:
  void SetUp() override {
    auto router = open_socket(context_, {.type = SocketType::router, .bind = endpoint_});
    ASSERT_TRUE(router) << router.error().detail;
    router_ = *std::move(router);
    dealer_ = dial("peer-1");
  }

  zmq::socket_t dial(const std::string& identity) {
    auto dealer = open_socket(
        context_, {.type = SocketType::dealer, .connect = endpoint_, .identity = identity});
    EXPECT_TRUE(dealer) << dealer.error().detail;
    return *std::move(dealer);
  }

  static void wait(zmq::socket_t& socket) {
    zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    ASSERT_EQ(zmq::poll(&item, 1, std::chrono::seconds(10)), 1);
  }

  test::TempDir dir_;
  std::string endpoint_ = "ipc://" + (dir_ / "s");
  zmq::context_t context_{1};
  zmq::socket_t router_;
  zmq::socket_t dealer_;
};

TEST_F(ZmqMessage, GoThereAndBackWithTheirFrames) {
  const Buffer big = Buffer::copy_of(std::string(1 << 20, 'b'));
  const std::vector<Buffer> body{Buffer::copy_of("description"), Buffer{}, big};
  const Header header{.kind = Kind::infer, .id = 5, .attempt = 1};
  ASSERT_EQ(send(dealer_, header, body), Sent::sent);
  wait(router_);
  auto raw = receive_from(router_);
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->peer, "peer-1");
  const std::string peer = raw->peer;
  auto message = parse(*std::move(raw));
  ASSERT_TRUE(message) << message.error().detail;
  EXPECT_EQ(message->header, header);
  ASSERT_EQ(message->body.size(), 3U);
  EXPECT_EQ(message->body[0].text(), "description");
  EXPECT_TRUE(message->body[1].empty());
  EXPECT_TRUE(message->body[2].text() == big.text());

  ASSERT_EQ(send_to(router_, peer, encode(Bye{.reason = "go"})), Sent::sent);
  wait(dealer_);
  auto answer = receive(dealer_);
  ASSERT_TRUE(answer);
  auto bye = parse(*std::move(answer));
  ASSERT_TRUE(bye);
  EXPECT_EQ(bye->header.kind, Kind::bye);
  EXPECT_FALSE(receive(dealer_));
  EXPECT_FALSE(receive_from(router_));
}

TEST_F(ZmqMessage, SmallOnesGatherUntilTheyAreFlushedAndOrderIsKept) {
  const auto infer = [](RequestId id) {
    return Header{.kind = Kind::infer, .id = id, .attempt = 1};
  };
  const std::vector<Buffer> small{Buffer::copy_of("small")};
  const std::vector<Buffer> half{Buffer::copy_of(std::string(kPlainBundleBytes / 2, 'h'))};
  const std::vector<Buffer> large{Buffer::copy_of(std::string(kPlainBundleBytes, 'l'))};
  Bundle bundle;
  EXPECT_EQ(post(dealer_, bundle, infer(1), small), Sent::sent);
  EXPECT_EQ(post(dealer_, bundle, infer(2), half), Sent::sent);
  EXPECT_EQ(bundle.count(), 2U);
  EXPECT_EQ(post(dealer_, bundle, infer(3), half), Sent::sent);  // 1 and 2 go: no room for it
  EXPECT_EQ(bundle.count(), 1U);
  EXPECT_EQ(post(dealer_, bundle, infer(4), large), Sent::sent);  // 3 goes, then 4 by itself
  EXPECT_TRUE(bundle.empty());
  EXPECT_EQ(post(dealer_, bundle, infer(5), small), Sent::sent);
  EXPECT_EQ(flush(dealer_, bundle), Sent::sent);
  EXPECT_TRUE(bundle.empty());
  EXPECT_EQ(flush(dealer_, bundle), Sent::sent);

  std::vector<std::vector<RequestId>> seen;
  while (seen.size() < 4) {
    wait(router_);
    auto raw = receive_from(router_);
    ASSERT_TRUE(raw);
    seen.emplace_back();
    for_each_message(*std::move(raw), [&](const Result<Message>& message) {
      ASSERT_TRUE(message) << message.error().detail;
      seen.back().push_back(message->header.id);
    });
  }
  EXPECT_EQ(seen, (std::vector<std::vector<RequestId>>{{1, 2}, {3}, {4}, {5}}));

  EXPECT_EQ(post_to(router_, "peer-1", bundle, infer(6), small), Sent::sent);
  EXPECT_EQ(post_to(router_, "peer-1", bundle, infer(7), small), Sent::sent);
  EXPECT_EQ(flush_to(router_, "peer-1", bundle), Sent::sent);
  wait(dealer_);
  int count = 0;
  for_each_message(*receive(dealer_), [&](const Result<Message>& message) {
    ASSERT_TRUE(message);
    ++count;
  });
  EXPECT_EQ(count, 2);

  EXPECT_EQ(post_to(router_, "nobody", bundle, infer(8), small), Sent::sent);
  EXPECT_EQ(flush_to(router_, "nobody", bundle), Sent::unreachable);
  EXPECT_TRUE(bundle.empty());
}

TEST_F(ZmqMessage, LargeBuffersAreNotCopiedWhenReceived) {
  const Buffer sent = Buffer::copy_of(std::string(limits::kSmallTensorBytes + 1, 'b'));
  zmq::message_t frame = to_zmq(sent);
  EXPECT_EQ(frame.data(), sent.data());
  const void* place = frame.data();
  EXPECT_EQ(to_buffer(std::move(frame)).data(), place);

  const Buffer small = Buffer::copy_of(std::string(limits::kSmallTensorBytes, 's'));
  zmq::message_t copied = to_zmq(small);
  EXPECT_NE(copied.data(), small.data());
}

TEST_F(ZmqMessage, AnUnknownPeerIsAnAnswer) {
  EXPECT_EQ(send_to(router_, "nobody", encode(Bye{})), Sent::unreachable);
}

TEST_F(ZmqMessage, AFullPipeIsAnAnswer) {
  auto lonely = open_socket(
      context_,
      {.type = SocketType::dealer, .connect = "ipc://" + (dir_ / "nobody"), .high_water_mark = 2});
  ASSERT_TRUE(lonely);
  EXPECT_EQ(send(*lonely, encode(Bye{})), Sent::sent);
  EXPECT_EQ(send(*lonely, encode(Bye{})), Sent::sent);
  EXPECT_EQ(send(*lonely, encode(Bye{})), Sent::full);
}

TEST_F(ZmqMessage, ExcessFramesAreDroppedAndTheNextMessageIsWhole) {
  const std::vector<Buffer> body(100, Buffer::copy_of("f"));
  ASSERT_EQ(send(dealer_, Header{.kind = Kind::infer, .id = 1, .attempt = 1}, body), Sent::sent);
  ASSERT_EQ(send(dealer_, encode(Bye{})), Sent::sent);
  wait(router_);
  auto raw = receive_from(router_);
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->frames.size(), limits::kLinkFrames);
  EXPECT_EQ(raw->frames_dropped, 101 - limits::kLinkFrames);
  EXPECT_EQ(parse(*std::move(raw)).error().detail, "link message: 101 frames, at most 64");
  wait(router_);
  raw = receive_from(router_);
  ASSERT_TRUE(raw);
  EXPECT_EQ(parse(*std::move(raw))->header.kind, Kind::bye);
}

TEST_F(ZmqMessage, GarbageIsAnErrorAndNothingElse) {
  for (const std::string& bytes :
       {std::string(), std::string("hello"), std::string(40, '\0'), std::string(10'000, 'x')}) {
    dealer_.send(zmq::buffer(bytes), zmq::send_flags::none);
    wait(router_);
    auto raw = receive_from(router_);
    ASSERT_TRUE(raw);
    EXPECT_THAT(parse(*std::move(raw)).error().detail, StartsWith("link header: "));
  }
}

TEST_F(ZmqMessage, AFrameOverTheLimitEndsTheConnectionOnly) {
  const std::string endpoint = "ipc://" + (dir_ / "narrow");
  auto bound = open_socket(
      context_, {.type = SocketType::router, .bind = endpoint, .frame_bytes_max = 1'000});
  ASSERT_TRUE(bound);
  auto dealer = open_socket(context_, {.type = SocketType::dealer, .connect = endpoint});
  ASSERT_TRUE(dealer);
  const Header header{.kind = Kind::infer, .id = 1, .attempt = 1};
  ASSERT_EQ(send(*dealer, header, std::vector{Buffer::copy_of(std::string(2'000, 'x'))}),
            Sent::sent);
  // libzmq drops the connection and makes a new one: later messages arrive.
  std::optional<RawMessage> raw;
  ASSERT_TRUE(test::wait_until([&] {
    static_cast<void>(send(*dealer, encode(Bye{})));
    raw = receive_from(*bound);
    return raw.has_value();
  }));
  EXPECT_EQ(parse(*std::move(raw))->header.kind, Kind::bye);
}

TEST_F(ZmqMessage, EndpointsThatCannotWorkAreNamed) {
  const struct {
    std::string endpoint;
    std::string expected;
  } rows[] = {
      {"http://x", "endpoint 'http://x' is neither ipc:///path nor tcp://host:port"},
      {"ipc://", "endpoint 'ipc://' has no path"},
      {"tcp://nohost", "endpoint 'tcp://nohost' is neither ipc:///path nor tcp://host:port"},
      {"tcp://127.0.0.1:99999", "has a port that is not a number up to 65535"},
      {"ipc:///" + std::string(107, 'p'), "has a path of 108 bytes, at most 107 fit"},
      {"ipc:///no/such/folder/s", "cannot bind 'ipc:///no/such/folder/s'"},
  };
  for (const auto& row : rows) {
    auto socket = open_socket(context_, {.type = SocketType::router, .bind = row.endpoint});
    ASSERT_FALSE(socket) << row.endpoint;
    EXPECT_THAT(socket.error().detail, HasSubstr(row.expected));
  }
}

TEST_F(ZmqMessage, APortThatIsTakenIsUnavailable) {
  auto first = open_socket(context_, {.type = SocketType::router, .bind = "tcp://127.0.0.1:*"});
  ASSERT_TRUE(first) << first.error().detail;
  const std::string endpoint = bound_endpoint(*first);
  EXPECT_THAT(endpoint, StartsWith("tcp://127.0.0.1:"));
  auto second = open_socket(context_, {.type = SocketType::router, .bind = endpoint});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().detail, HasSubstr("Address already in use"));
}

}  // namespace
}  // namespace sluice::link
