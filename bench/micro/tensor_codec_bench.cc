// Frames of the worker link: a request out of the gateway and into the worker. The argument is the
// number of floats; above 2,048 they travel as a frame of their own, without a copy.

#include <utility>

#include <benchmark/benchmark.h>

#include "common/link/tensor_codec.h"

namespace sluice::link {
namespace {

InferRequest request_of(std::int64_t count) {
  MutableBuffer data(static_cast<std::size_t>(count) * sizeof(float));
  for (std::byte& byte : data.bytes()) {
    byte = std::byte{0x3f};
  }
  InferRequest request;
  request.model = "add";
  request.version = 1;
  request.inputs.push_back({.name = "a",
                            .datatype = DataType::float32,
                            .shape = {1, count},
                            .data = std::move(data).freeze()});
  return request;
}

void codec_encode_infer(benchmark::State& state) {
  const InferRequest request = request_of(state.range(0));
  for (auto _ : state) {
    auto body = encode_infer(request);
    if (!body) {
      state.SkipWithError("not encoded");
      break;
    }
    benchmark::DoNotOptimize(body);
  }
}
BENCHMARK(codec_encode_infer)->Arg(4)->Arg(784)->Arg(150'528);

void codec_decode_infer(benchmark::State& state) {
  const auto body = encode_infer(request_of(state.range(0)));
  for (auto _ : state) {
    auto request = decode_infer(*body);
    if (!request) {
      state.SkipWithError("not decoded");
      break;
    }
    benchmark::DoNotOptimize(request);
  }
}
BENCHMARK(codec_decode_infer)->Arg(4)->Arg(784)->Arg(150'528);

InferResponse response_of(std::int64_t count) {
  InferRequest request = request_of(count);
  InferResponse response;
  response.model = "add";
  response.version = 1;
  response.outputs = std::move(request.inputs);
  return response;
}

void codec_encode_result(benchmark::State& state) {
  const InferResponse response = response_of(state.range(0));
  for (auto _ : state) {
    auto body = encode_result(response);
    if (!body) {
      state.SkipWithError("not encoded");
      break;
    }
    benchmark::DoNotOptimize(body);
  }
}
BENCHMARK(codec_encode_result)->Arg(4)->Arg(150'528);

void codec_decode_result(benchmark::State& state) {
  const auto body = encode_result(response_of(state.range(0)));
  for (auto _ : state) {
    auto response = decode_result(*body);
    if (!response) {
      state.SkipWithError("not decoded");
      break;
    }
    benchmark::DoNotOptimize(response);
  }
}
BENCHMARK(codec_decode_result)->Arg(4)->Arg(150'528);

}  // namespace
}  // namespace sluice::link
