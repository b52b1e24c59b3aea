#include "common/link/control_messages.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::link {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

ModelInfo add_model() {
  return {.name = "add",
          .version = 3,
          .platform = "onnx_onnxv1",
          .description = "adds",
          .inputs = {{"a", DataType::float32, {-1, 4}, false}, {"b", DataType::string, {}, true}},
          .outputs = {{"sum", DataType::float32, {-1, 4}, false}}};
}

Hello full_hello() {
  return {.worker_id = "w1",
          .node_id = "n1",
          .pid = 4321,
          .boot_id = "boot",
          .attach = 5,
          .state = WorkerState::ready,
          .model = add_model(),
          .executors = 2,
          .credit = 128,
          .findings = {.probe_kind = ProbeKind::known_answer,
                       .probe_finite = false,
                       .memory_bytes = 1'000'000'000'000,
                       .memory_peak_bytes = 2'000'000'000'000},
          .bundle_bytes = 65'536};
}

Heartbeat full_heartbeat() {
  return {.sequence = 1,
          .state = WorkerState::draining,
          .credit = 2,
          .queued = 3,
          .running = 4,
          .progress = 5,
          .executed = 6,
          .requests = 60,
          .expired = 7,
          .cancelled = 8,
          .garbage = 9,
          .service_time_mean = 10us};
}

NodeReport full_report() {
  return {.sequence = 9,
          .assigned = 4,
          .workers = {{.worker_id = "w1",
                       .model = "add",
                       .version = 3,
                       .stamp = "0a1b",
                       .pid = 77,
                       .state = WorkerState::ready,
                       .restarts = 2,
                       .early_deaths = 1,
                       .kills = 4,
                       .crashes = 5,
                       .reason = "killed by signal 9",
                       .restart_in = 4s,
                       .executors = 3,
                       .threads = 2,
                       .memory = 40'000'000'000},
                      {.worker_id = "w2"}},
          .cpus = 6,
          .memory_limit = 64'000'000'000};
}

const WorkerDied kDied{.worker_id = "w1",
                       .pid = 77,
                       .reason = "killed by signal 9",
                       .running = {1, 0xffffffffffffffff},
                       .killed = true};

template <class Value>
void expect_round_trip(const Value& value, Kind kind, Result<Value> (*decode)(const Body&)) {
  const Message message = encode(value);
  EXPECT_EQ(message.header, Header{.kind = kind});
  auto decoded = decode(message.body);
  ASSERT_TRUE(decoded) << name_of(kind) << ": " << decoded.error().detail;
  EXPECT_EQ(*decoded, value) << name_of(kind);
}

TEST(ControlMessages, SurviveTheWire) {
  expect_round_trip(full_hello(), Kind::hello, decode_hello);
  expect_round_trip(Hello{.worker_id = "w"}, Kind::hello, decode_hello);
  expect_round_trip(
      Hello{.worker_id = "w", .config = "{}", .labels = {{"y", "cat\n\ndog"}, {"z", ""}}},
      Kind::hello,
      decode_hello);
  expect_round_trip(Welcome{.gateway_id = "g",
                            .boot_id = "boot",
                            .heartbeat_interval = 250ms,
                            .shard_endpoints = {"ipc:///a", "tcp://b:1"},
                            .bundle_bytes = 65'536},
                    Kind::welcome,
                    decode_welcome);
  expect_round_trip(full_heartbeat(), Kind::heartbeat, decode_heartbeat);
  expect_round_trip(Heartbeat{}, Kind::heartbeat, decode_heartbeat);
  expect_round_trip(
      StateChange{.state = WorkerState::failed,
                  .reason = "no such file",
                  .model = add_model(),
                  .findings = {.probe_kind = ProbeKind::generated, .probe_finite = false}},
      Kind::state,
      decode_state_change);
  expect_round_trip(Drain{.reason = "unload"}, Kind::drain, decode_drain);
  expect_round_trip(Bye{.reason = "empty"}, Kind::bye, decode_bye);
  expect_round_trip(
      NodeHello{.node_id = "n", .pid = 1, .boot_id = "boot", .host = "here", .attach = 2},
      Kind::node_hello,
      decode_node_hello);
  expect_round_trip(full_report(), Kind::node_report, decode_node_report);
  expect_round_trip(kDied, Kind::worker_died, decode_worker_died);
}

TEST(ControlMessages, CancelIsAllHeader) {
  const Message cancel = cancel_message(7, 2);
  EXPECT_EQ(cancel.header, (Header{.kind = Kind::cancel, .id = 7, .attempt = 2}));
  EXPECT_TRUE(cancel.body.empty());
}

Body body_of(const std::string& bytes) {
  return {Buffer::copy_of(bytes)};
}

TEST(ControlMessages, AHelloTellsAConfigurationOrIsOfAnOlderWorker) {
  const auto hello =
      decode_hello(Body{Buffer::copy_of("\x82\xa6worker\xa1w\xa6"
                                        "config\xa2{}"s)});
  ASSERT_TRUE(hello) << hello.error().detail;
  EXPECT_EQ(hello->config, "{}");
  EXPECT_EQ(decode_hello(Body{Buffer::copy_of("\x81\xa6worker\xa1w"s)})->config, "");
  Hello much{.worker_id = "w", .config = std::string(limits::kConfigJsonBytes + 1, ' ')};
  EXPECT_FALSE(decode_hello(encode(much).body));
}

TEST(ControlMessages, AHelloTellsLabelsWithinTheirLimit) {
  const auto hello =
      decode_hello(Body{Buffer::copy_of("\x82\xa6worker\xa1w\xa6"
                                        "labels\x91\x82\xa6output\xa1y\xa5lines\xa3"
                                        "a\nb"s)});
  ASSERT_TRUE(hello) << hello.error().detail;
  EXPECT_EQ(hello->labels, (std::vector<OutputLabels>{{"y", "a\nb"}}));
  Hello most{.worker_id = "w",
             .config = std::string(limits::kConfigJsonBytes, ' '),
             .labels = {{"y", std::string(limits::kClassLabelBytes, 'l')}}};
  EXPECT_TRUE(decode_hello(encode(most).body)) << "beside the longest configuration";
  most.labels.front().lines += 'l';
  EXPECT_FALSE(decode_hello(encode(most).body));
}

// Written by hand from the MessagePack specification: what another language would send.
TEST(ControlMessages, AreTheDocumentedBytes) {
  EXPECT_EQ(encode(Bye{.reason = "go"}).body.front().text(),
            "\x81"        // a map of 1
            "\xa6reason"  // a text of 6
            "\xa2go");
  EXPECT_EQ(encode(kDied).body.front().text(),
            "\x85"
            "\xa6worker\xa2w1"
            "\xa3pid\x4d"
            "\xa6reason\xb2killed by signal 9"
            "\xa7running\x92\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
            "\xa6killed\xc3"s);
  auto heartbeat =
      decode_heartbeat(body_of("\x83"
                               "\xa8sequence\x05"
                               "\xa5state\x04"
                               "\xaaservice_ns\xcd\x03\xe8"s));
  ASSERT_TRUE(heartbeat) << heartbeat.error().detail;
  EXPECT_EQ(heartbeat->sequence, 5U);
  EXPECT_EQ(heartbeat->state, WorkerState::ready);
  EXPECT_EQ(heartbeat->service_time_mean, 1us);
}

TEST(ControlMessages, IgnoreUnknownKeysAndKeepDefaultsForMissingOnes) {
  auto hello = decode_hello(body_of("\x82\xa6worker\xa1w\xa6newish\x93\x01\xc0\x81\xa1x\xc3"s));
  ASSERT_TRUE(hello) << hello.error().detail;
  EXPECT_EQ(*hello, Hello{.worker_id = "w"});
}

TEST(ControlMessages, ReadAnUnknownStateAsUnknown) {
  auto heartbeat = decode_heartbeat(body_of("\x81\xa5state\xcd\x01\x04"s));
  ASSERT_TRUE(heartbeat);
  EXPECT_EQ(heartbeat->state, WorkerState::unknown);
  heartbeat = decode_heartbeat(body_of("\x81\xa5state\x09"s));
  ASSERT_TRUE(heartbeat);
  EXPECT_EQ(heartbeat->state, WorkerState::probing);
}

TEST(ControlMessages, ReadAnUnknownProbeAsNoneAndAMissingOneAsFinite) {
  auto state = decode_state_change(body_of("\x82\xa5state\x04\xa5probe\x63"s));
  ASSERT_TRUE(state) << state.error().detail;
  EXPECT_EQ(state->findings, Findings{});
}

TEST(ControlMessages, RefuseWhatIsWrongByName) {
  const std::string long_id(200, 'w');
  const struct {
    std::string bytes;
    std::string expected;
  } rows[] = {
      {"", "not MessagePack, cut short, or beyond the limits of depth and count"},
      {"\x81", "not MessagePack, cut short, or beyond the limits of depth and count"},
      {"\xc1", "not MessagePack, cut short, or beyond the limits of depth and count"},
      {"\x90", "not a MessagePack map"},
      {"\x80\x80"s, "1 bytes are left over after the map"},
      {"\x80", "'worker' is missing"},
      {"\x81\xa6worker\x01", "'worker' is not text of at most 128 bytes"},
      {"\x81\xa6worker\xd9\xc8" + long_id, "'worker' is not text of at most 128 bytes"},
      {"\x82\xa6worker\xa1w\xa3pid\xff", "'pid' is not a number from 0 on"},
      {"\x82\xa6worker\xa1w\xa3pid\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s,
       "'pid' is not a number of 32 bits"},
      {"\x82\xa6worker\xa1w\xa5model\x01", "'model' is not a map"},
      {"\x82\xa6worker\xa1w\xa5model\x81\xa6inputs\x91\x01",
       "'inputs' is not an array of at most 1024 maps"},
      {"\x82\xa6worker\xa1w\xa5model\x81\xa6inputs\x91\x81\xa5shape\x91\xa1x",
       "'shape' is not an array of at most 32 numbers"},
  };
  for (const auto& row : rows) {
    auto hello = decode_hello(body_of(row.bytes));
    ASSERT_FALSE(hello) << row.expected;
    EXPECT_EQ(hello.error().code, ErrorCode::data_corrupt);
    EXPECT_EQ(hello.error().detail, "control message: " + row.expected);
  }
  EXPECT_FALSE(decode_hello({}));
}

TEST(ControlMessages, RefuseCountsThatWouldTakeMemory) {
  for (const std::string& bytes : {
           "\xdf\xff\xff\xff\xff"s,                                 // a map of 4 billion
           "\x81\xa7workers\xdd\xff\xff\xff\xff"s,                  // an array of 4 billion
           "\x81\xa6reason\xdb\xff\xff\xff\xff"s,                   // a text of 4 GB
           "\x81\xa6reason\xc6\x00\x00\x00\x01\x00"s,               // binary is not used at all
           "\x81\xa6reason\xc7\x01\x01\x00"s,                       // nor extensions
           "\x81\xa1x" + std::string(100'000, '\x91') + "\xc0",     // depth
           "\x81\xa1x" + std::string(50'000, '\x81') + "\xa1y\xc0"  // depth of maps
       }) {
    EXPECT_FALSE(decode_node_report(body_of(bytes)));
    EXPECT_FALSE(decode_drain(body_of(bytes)));
  }
  EXPECT_EQ(
      decode_drain(body_of(std::string(limits::kControlMessageBytes + 1, '\x80'))).error().detail,
      "control message: 1048577 bytes, at most 1048576");
}

TEST(ControlMessages, EveryTruncationIsAnError) {
  const Message whole = encode(full_hello());
  const std::string bytes(whole.body.front().text());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_hello(body_of(bytes.substr(0, size)))) << size;
  }
}

TEST(ControlMessages, AWelcomeMustNameASensibleInterval) {
  const auto welcome = [](Duration interval) {
    return decode_welcome(encode(Welcome{.gateway_id = "g", .heartbeat_interval = interval}).body);
  };
  EXPECT_TRUE(welcome(250ms));
  EXPECT_FALSE(welcome(0ms));
  EXPECT_FALSE(welcome(1us));
  EXPECT_FALSE(welcome(1h));
}

TEST(ControlMessages, LongReasonsAreCutSoThatThePeerTakesThem) {
  auto drain = decode_drain(encode(Drain{.reason = std::string(10'000, 'x')}).body);
  ASSERT_TRUE(drain);
  EXPECT_EQ(drain->reason.size(), limits::kFailureDetailBytes);
}

TEST(BootId, IsTheSameTwiceAndNeverEqualWhenUnknown) {
  EXPECT_TRUE(same_clock(this_boot_id(), this_boot_id()));
  EXPECT_FALSE(same_clock("", ""));
  EXPECT_FALSE(same_clock("a", "b"));
}

}  // namespace
}  // namespace sluice::link
