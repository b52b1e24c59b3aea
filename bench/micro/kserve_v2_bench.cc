// The v2 adapter: JSON bodies in, JSON answers out. The argument is the number of floats.

#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include <benchmark/benchmark.h>

#include "gateway/protocol/adapters.h"

namespace sluice::gateway {
namespace {

ModelInfo model() {
  ModelInfo info;
  info.name = "add";
  info.inputs = {{.name = "a", .datatype = DataType::float32, .shape = {-1, -1}}};
  info.outputs = {{.name = "sum", .datatype = DataType::float32, .shape = {-1, -1}}};
  return info;
}

float element(std::int64_t i) {
  return static_cast<float>(i % 1000) / 7.0F;
}

std::string body_of(std::int64_t count) {
  std::string data;
  for (std::int64_t i = 0; i < count; ++i) {
    data += (i == 0 ? "" : ",") + std::to_string(element(i));
  }
  return R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,)" + std::to_string(count) +
         R"(],"data":[)" + data + "]}]}";
}

void v2_json_decode(benchmark::State& state) {
  const ModelInfo info = model();
  const InferCall call{.adapter = &kserve_v2_adapter(), .target = {.model = "add", .version = {}}};
  ClientMessage message;
  message.method = "POST";
  message.path = "/v2/models/add/infer";
  message.body = Buffer::copy_of(body_of(state.range(0)));
  for (auto _ : state) {
    auto decoded = call.adapter->decode(message, call, &info);
    if (!decoded || !validate(std::get<InferRequest>(decoded->call), info)) {
      state.SkipWithError("the body is refused");
      break;
    }
    benchmark::DoNotOptimize(decoded);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.body.size()));
}
BENCHMARK(v2_json_decode)->Arg(4)->Arg(784)->Arg(150'528);

void v2_json_encode(benchmark::State& state) {
  MutableBuffer data(static_cast<std::size_t>(state.range(0)) * sizeof(float));
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const float value = element(i);
    std::memcpy(data.data() + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
  }
  InferResponse response;
  response.model = "add";
  response.version = 1;
  response.outputs.push_back({.name = "sum",
                              .datatype = DataType::float32,
                              .shape = {1, state.range(0)},
                              .data = std::move(data).freeze()});
  for (auto _ : state) {
    const ClientReply reply = kserve_v2_adapter().encode(response, {}, {});
    if (reply.status != 200) {
      state.SkipWithError("the answer is refused");
      break;
    }
    benchmark::DoNotOptimize(reply.body.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(v2_json_encode)->Arg(4)->Arg(784)->Arg(150'528);

}  // namespace
}  // namespace sluice::gateway
