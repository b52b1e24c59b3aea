#include "tests/unit/worker/serve/worker_fixture.h"

#include <cstdio>
#include <cstring>

namespace sluice::worker {

WorkerFixture::~WorkerFixture() {
  if (HasFailure() && worker_ != nullptr) {
    static_cast<void>(std::printf("the worker's stderr:\n%s\n", worker_->err().c_str()));
  }
}

void WorkerFixture::start_gateway(int shards, const std::string& id) {
  gateway_.reset();  // its endpoints are bound again
  gateway_ = std::make_unique<test::FakeGateway>(
      test::FakeGatewayOptions{.dir = dir_.path(), .shards = shards, .interval = kBeat, .id = id});
}

void WorkerFixture::start_worker(const std::string& model,
                                 std::vector<std::string> more,
                                 std::vector<std::pair<int, int>> descriptors) {
  std::vector<std::string> arguments{SLUICE_TEST_WORKER,
                                     "model_path=" + dir_.write("model.json", model),
                                     "model_name=m",
                                     "version=3",
                                     "worker_id=w1",
                                     "heartbeat_ms=" + std::to_string(kBeat.count()),
                                     "control=" + test::FakeGateway::control_endpoint(dir_.path())};
  arguments.insert(arguments.end(), more.begin(), more.end());
  worker_ = std::make_unique<test::Process>(
      test::ProcessSpec{.arguments = std::move(arguments),
                        .environment = {{"SLUICE_ENGINE_LIBRARY", test::stub_engine_library()}},
                        .descriptors = std::move(descriptors)});
}

void WorkerFixture::start(const std::string& model, std::vector<std::string> more, int shards) {
  start_gateway(shards);
  start_worker(model, std::move(more));
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); })) << worker_->err();
}

NamedTensor WorkerFixture::floats(std::string name, const std::vector<float>& values, Shape shape) {
  return {.name = std::move(name),
          .datatype = DataType::float32,
          .shape = std::move(shape),
          .data = Buffer::copy_of(std::as_bytes(std::span(values)))};
}

InferRequest WorkerFixture::echo(const std::vector<float>& values) {
  InferRequest request;
  request.model = "m";
  request.inputs.push_back(floats("x", values, {static_cast<std::int64_t>(values.size())}));
  return request;
}

std::vector<float> WorkerFixture::values_of(const NamedTensor& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(float));
  std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(float));
  return values;
}

std::string WorkerFixture::text_of(const std::optional<test::FakeAnswer>& answer) {
  if (!answer) {
    return "no answer";
  }
  if (!answer->response) {
    const Error& error = answer->response.error();
    return std::string(name_of(error.code)) + ": " + error.detail;
  }
  std::string text;
  for (const NamedTensor& output : answer->response->outputs) {
    text += output.name + "=";
    const auto values = values_of(output);
    for (std::size_t i = 0; i < values.size(); ++i) {
      char number[32];
      static_cast<void>(
          std::snprintf(number, sizeof number, "%s%g", i == 0 ? "" : ",", double{values[i]}));
      text += number;
    }
  }
  return text;
}

}  // namespace sluice::worker
