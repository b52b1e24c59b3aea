// Writes the seeds of the link's fuzz targets into the folder named on the command line: one valid
// input of each kind. Run by hand when a message changes; the result is committed.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/link/bundle.h"
#include "common/link/control_messages.h"
#include "common/link/repository_messages.h"
#include "common/link/tensor_codec.h"
#include "worker/serve/serving_plan.h"

namespace {

// NOLINTNEXTLINE(google-build-using-namespace): one file
using namespace sluice;
// NOLINTNEXTLINE(google-build-using-namespace): one file
using namespace sluice::link;

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::filesystem::path g_folder;

void write(const std::string& name, const std::string& bytes) {
  const auto path = g_folder / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void write_header(const std::string& name, const Header& header) {
  std::string bytes;
  for (const std::byte byte : encode_header(header)) {
    bytes += static_cast<char>(byte);
  }
  write("header/" + name, bytes);
}

void write_body(const std::string& name, const Body& body) {
  std::string bytes;
  for (const Buffer& frame : body) {
    for (std::size_t i = 0; i < 4; ++i) {
      bytes += static_cast<char>(frame.size() >> (8 * i));
    }
    bytes += frame.text();
  }
  write("description/" + name, bytes);
}

void write_bundle(const std::string& name, const std::vector<Message>& messages) {
  Bundle bundle;
  for (const Message& message : messages) {
    SLUICE_CHECK(bundle.add(message.header, message.body));
  }
  std::string bytes;
  for (const std::byte byte : bundle.bytes()) {
    bytes += static_cast<char>(byte);
  }
  write("bundle/" + name, bytes);
}

template <class Kind>
void write_control(char number, const std::string& name, const Kind& message) {
  write("control/" + name, number + std::string(encode(message).body.front().text()));
}

void write_plans() {
  using worker::ServingPlan;
  using worker::WarmUpInput;
  write("plan/least",
        std::string(encode_plan(ServingPlan{.model_path = "/m", .model_name = "m"})->text()));
  const ServingPlan plan{.model_path = "/r/m/1/model.onnx",
                         .model_name = "m",
                         .stamp = "0a1b",
                         .model_dir = "/r/m",
                         .max_batch_size = 8,
                         .preferred_batch_sizes = {4, 8},
                         .max_queue_delay = std::chrono::microseconds(100),
                         .instance_count = 2,
                         .warm_ups = {{.name = "w",
                                       .batch_size = 4,
                                       .inputs = {{.name = "x",
                                                   .datatype = DataType::float32,
                                                   .dims = {3},
                                                   .kind = WarmUpInput::Kind::file,
                                                   .path = "/r/m/warmup/x"}}}},
                         .probe_dir = "/r/m/1",
                         .inputs = {{.name = "x", .datatype = DataType::float32, .dims = {-1, 3}}},
                         .outputs = {{.name = "y", .datatype = DataType::int64, .dims = {1}}},
                         .notes = {"n"},
                         .config_json = "{}",
                         .labels = {{"y", "zero\none"}}};
  write("plan/full", std::string(encode_plan(plan)->text()));
}

void write_all() {
  write_plans();
  write_header("infer", infer_header(7, 2, TimePoint(Duration(9)), TimePoint(Duration(5)), true));
  write_header("result", {.kind = Kind::result, .id = 7, .attempt = 1, .credit = 3});
  write_header("heartbeat", {});

  InferRequest request;
  request.model = "m";
  request.version = 3;
  request.outputs = {"y"};
  request.inputs = {{"a", DataType::float32, {1, 2}, Buffer::copy_of("12345678")},
                    {"s", DataType::string, {1}, Buffer::copy_of(std::string("\2\0\0\0hi", 6))}};
  write_body("infer", *encode_infer(request));
  const Message infer{infer_header(7, 1, TimePoint(Duration(9)), TimePoint(Duration(5)), true),
                      *encode_infer(request)};
  write_bundle("one", {infer});
  write_bundle("several", {infer, cancel_message(7, 1), infer, encode(Heartbeat{.sequence = 3})});
  request.inputs.push_back(
      {"big", DataType::uint8, {9'000}, Buffer::copy_of(std::string(9'000, 'x'))});
  write_body("infer_big", *encode_infer(request));
  InferResponse response;
  response.model = "m";
  response.outputs = {{"y", DataType::int64, {1}, Buffer::copy_of("12345678")}};
  write_body("result", *encode_result(response));
  write_body("failure", encode_failure({ErrorCode::unavailable, "draining"}));

  const ModelInfo model{.name = "m",
                        .version = 3,
                        .platform = "onnx_onnxv1",
                        .description = "d",
                        .inputs = {{"a", DataType::float32, {-1, 2}, true}},
                        .outputs = {{"y", DataType::int64, {1}, false}}};
  write_control(0,
                "hello",
                Hello{.worker_id = "w",
                      .node_id = "n",
                      .pid = 4,
                      .boot_id = "b",
                      .model = model,
                      .labels = {{"y", "zero\none"}}});
  write_control(1,
                "welcome",
                Welcome{.gateway_id = "g",
                        .heartbeat_interval = std::chrono::milliseconds(250),
                        .shard_endpoints = {"ipc:///s"}});
  write_control(2, "heartbeat", Heartbeat{.sequence = 1, .credit = 2});
  write_control(3, "state", StateChange{WorkerState::ready, "", model});
  write_control(4, "drain", Drain{"unload"});
  write_control(5, "bye", Bye{"done"});
  write_control(6, "node_hello", NodeHello{.node_id = "n", .host = "h"});
  write_control(7, "node_report", NodeReport{.sequence = 1, .workers = {{.worker_id = "w"}}});
  write_control(8, "worker_died", WorkerDied{.worker_id = "w", .pid = 1, .running = {1, 2}});
  const ModelFound found{
      .name = "m",
      .notes = {"n"},
      .settings = {.policy = {.kind = VersionPolicy::Kind::specific, .versions = {1}},
                   .labels = {{"stable", 1}},
                   .strategy = Strategy::blue_green,
                   .steps = {10, 100},
                   .keep_old = std::chrono::minutes(5),
                   .priorities = {{1, {.default_timeout = std::chrono::milliseconds(5)}}},
                   .metric_tags = {{"team", "vision"}},
                   .json = "{}"},
      .versions = {{.number = 1, .stamp = "0a1b", .bytes = 9}}};
  write_control(9, "repository", Repository{1, 2, "io", {found, {.name = "b", .problem = "p"}}});
  write_control(10, "look", Look{.sequence = 3});
  write_control(11,
                "assignment",
                Assignment{.sequence = 1,
                           .workers = {{.worker_id = "n/m/1.0a1b/0", .model = "m", .version = 1}}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    static_cast<void>(std::fprintf(stderr, "usage: link_corpus FOLDER\n"));
    return 2;
  }
  g_folder = argv[1];
  write_all();
  return 0;
}
