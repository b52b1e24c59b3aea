#include "common/link/tensor_codec.h"

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "schema/link_generated.h"

namespace sluice::link {
namespace {

NamedTensor bytes_tensor(std::string name, std::size_t size, char fill = 'x') {
  return {std::move(name),
          DataType::uint8,
          {static_cast<std::int64_t>(size)},
          Buffer::copy_of(std::string(size, fill))};
}

void expect_equal(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].datatype, b[i].datatype);
    EXPECT_EQ(a[i].shape, b[i].shape);
    EXPECT_TRUE(a[i].data.text() == b[i].data.text()) << "tensor " << i;
  }
}

bool aligned(const Buffer& buffer) {
  // NOLINTNEXTLINE: an address is looked at, not a value.
  return reinterpret_cast<std::uintptr_t>(buffer.data()) % kBufferAlignment == 0;
}

InferRequest request_of(std::vector<NamedTensor> inputs) {
  InferRequest request;
  request.model = "m";
  request.inputs = std::move(inputs);
  return request;
}

TEST(TensorCodec, CarriesARequest) {
  InferRequest request =
      request_of({{"a", DataType::float32, {1, 2}, Buffer::copy_of("12345678")},
                  {"", DataType::string, {1}, Buffer::copy_of({"\2\0\0\0hi", 6})},
                  {"none", DataType::int64, {0, 4}, Buffer{}},
                  {"scalar", DataType::boolean, {}, Buffer::copy_of("\1")}});
  request.version = -5;
  request.outputs = {"y", "z"};
  auto body = encode_infer(request);
  ASSERT_TRUE(body) << body.error().detail;
  EXPECT_EQ(body->size(), 2U);  // small tensors share a frame
  auto decoded = decode_infer(*body);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(decoded->model, "m");
  EXPECT_EQ(decoded->version, -5);
  EXPECT_EQ(decoded->outputs, request.outputs);
  expect_equal(decoded->inputs, request.inputs);
  for (const NamedTensor& tensor : decoded->inputs) {
    EXPECT_TRUE(aligned(tensor.data)) << tensor.name;
  }
}

TEST(TensorCodec, CarriesAResultWithItsTiming) {
  const InferResponse response{.model = "m",
                               .version = 3,
                               .outputs = {bytes_tensor("y", 5), bytes_tensor("z", 100'000)},
                               .timing = {.queue = Duration(7), .compute = Duration(9)}};
  auto body = encode_result(response);
  ASSERT_TRUE(body);
  ASSERT_EQ(body->size(), 3U);
  EXPECT_EQ((*body)[2].data(), response.outputs[1].data.data());  // not copied
  auto decoded = decode_result(*body);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(decoded->model, "m");
  EXPECT_EQ(decoded->version, 3);
  EXPECT_EQ(decoded->timing.queue, Duration(7));
  EXPECT_EQ(decoded->timing.compute, Duration(9));
  expect_equal(decoded->outputs, response.outputs);
  EXPECT_EQ(decoded->outputs[1].data.data(), response.outputs[1].data.data());
}

TEST(TensorCodec, CarriesAFailureAndCutsItsSentence) {
  auto failure = decode_failure(encode_failure({ErrorCode::unavailable, "draining"}));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error, (Error{ErrorCode::unavailable, "draining"}));
  auto longer = decode_failure(encode_failure({ErrorCode::internal, std::string(9'999, 'x')}));
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->error.detail.size(), limits::kFailureDetailBytes);
}

TEST(TensorCodec, AnUnknownFailureCodeReadsAsInternal) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateFailure(builder, 200, builder.CreateString("new")));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  auto failure = decode_failure({Buffer::copy_of(bytes)});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error, (Error{ErrorCode::internal, "new"}));
}

TEST(TensorCodec, AThousandTensorsFitTheFramesOfAMessage) {
  std::vector<NamedTensor> inputs;
  for (std::size_t i = 0; i < limits::kTensorsPerRequest; ++i) {
    inputs.push_back(bytes_tensor("t" + std::to_string(i), 8'000 + i, static_cast<char>(i)));
  }
  auto body = encode_infer(request_of(inputs));
  ASSERT_TRUE(body) << body.error().detail;
  EXPECT_EQ(body->size() + 1, limits::kLinkFrames);
  auto decoded = decode_infer(*body);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  expect_equal(decoded->inputs, inputs);
}

TEST(TensorCodec, RefusesMoreTensorsThanARequestMayHave) {
  std::vector<NamedTensor> inputs(limits::kTensorsPerRequest + 1, bytes_tensor("t", 1));
  EXPECT_EQ(encode_infer(request_of(inputs)).error(),
            (Error{ErrorCode::resource_exhausted, "1025 tensors, at most 1024"}));
}

TEST(TensorCodec, RefusesMoreBytesThanAMessageMayHave) {
  const auto big = Buffer::copy_of(std::string(64 << 20, 'x'));
  std::vector<NamedTensor> inputs;
  for (int i = 0; i < 8; ++i) {
    inputs.push_back({"t" + std::to_string(i), DataType::uint8, {64 << 20}, big});
  }
  EXPECT_EQ(encode_infer(request_of(inputs)).error().code, ErrorCode::resource_exhausted);
  inputs.pop_back();
  EXPECT_TRUE(encode_infer(request_of(inputs)));
}

// One tensor as a foreign worker or gateway might describe it.
struct Described {
  std::string name = "x";
  std::uint8_t datatype = 2;  // uint8
  std::vector<std::int64_t> shape = {4};
  std::uint32_t frame = 2;
  std::uint64_t offset = 0;
  std::uint64_t length = 4;
};

Body described(const std::vector<Described>& tensors, std::vector<Buffer> frames) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::Tensor>> table;
  for (const Described& tensor : tensors) {
    const auto name = builder.CreateString(tensor.name);
    const auto shape = builder.CreateVector(tensor.shape);
    table.push_back(wire::CreateTensor(
        builder, name, tensor.datatype, shape, tensor.frame, tensor.offset, tensor.length));
  }
  const auto inputs = builder.CreateVector(table);
  const auto model = builder.CreateString("m");
  builder.Finish(wire::CreateInfer(builder, model, flatbuffers::nullopt, inputs));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  Body body{Buffer::copy_of(bytes)};
  for (Buffer& frame : frames) {
    body.push_back(std::move(frame));
  }
  return body;
}

TEST(TensorCodec, RefusesDescriptionsThatDoNotFitTheFrames) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  constexpr auto kMaxFrame = std::numeric_limits<std::uint32_t>::max();
  const struct {
    Described tensor;
    std::string expected;
  } rows[] = {
      {{.frame = 0}, "a tensor in frame 0 of a message of 3"},
      {{.frame = 1}, "a tensor in frame 1 of a message of 3"},
      {{.frame = 3}, "a tensor in frame 3 of a message of 3"},
      {{.frame = kMaxFrame}, "a tensor in frame 4294967295 of a message of 3"},
      {{.offset = 5}, "a tensor of 4 bytes at 5 of a frame of 8"},
      {{.offset = kMax}, "a tensor of 4 bytes at 18446744073709551615 of a frame of 8"},
      {{.length = kMax}, "a tensor of 18446744073709551615 bytes at 0 of a frame of 8"},
      {{.offset = 8, .length = 1}, "a tensor of 1 bytes at 8 of a frame of 8"},
      {{.shape = {5}}, "tensor 'x' has 4 bytes, its shape needs 5"},
      {{.shape = {5}, .length = 0}, "tensor 'x' has 0 bytes, its shape needs 5"},
      {{.datatype = 0}, "tensor 'x' of unknown datatype 0"},
      {{.datatype = 15}, "tensor 'x' of unknown datatype 15"},
      {{.datatype = 14}, "tensor 'x' does not hold 4 strings"},
      {{.shape = std::vector<std::int64_t>(33, 1)}, "tensor 'x' of rank 33"},
      {{.name = std::string(1'025, 'n')}, "a name of 1025 bytes"},
  };
  for (const auto& row : rows) {
    auto decoded = decode_infer(described({row.tensor}, {Buffer::copy_of("12345678")}));
    ASSERT_FALSE(decoded) << row.expected;
    EXPECT_EQ(decoded.error(), (Error{ErrorCode::data_corrupt, "link message: " + row.expected}));
  }
  for (const auto& shape : {Shape{-1}, Shape{std::int64_t{1} << 62, 4}}) {
    auto decoded = decode_infer(described({{.shape = shape}}, {Buffer::copy_of("12345678")}));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::data_corrupt);
  }
  EXPECT_FALSE(decode_infer(described(std::vector<Described>(1'025), {Buffer::copy_of("1234")})));
}

TEST(TensorCodec, CopiesSmallTensorsThatAreNotAlignedAndOnlyThose) {
  const std::uint64_t size = limits::kSmallTensorBytes + 1;
  const Buffer frame = Buffer::copy_of(std::string(100 + size, 'x'));
  const Body body =
      described({{.shape = {8}, .offset = 1, .length = 8},
                 {.shape = {64}, .offset = 64, .length = 8},
                 {.shape = {static_cast<std::int64_t>(size)}, .offset = 3, .length = size}},
                {frame});
  auto decoded = decode_infer(body);
  ASSERT_FALSE(decoded);  // the second shape needs 64 bytes
  const Body good =
      described({{.shape = {8}, .offset = 1, .length = 8},
                 {.shape = {8}, .offset = 64, .length = 8},
                 {.shape = {static_cast<std::int64_t>(size)}, .offset = 3, .length = size}},
                {frame});
  decoded = decode_infer(good);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_TRUE(aligned(decoded->inputs[0].data));
  EXPECT_EQ(decoded->inputs[1].data.data(), frame.data() + 64);
  EXPECT_EQ(decoded->inputs[2].data.data(), frame.data() + 3);
}

TEST(TensorCodec, ReadsADescriptionAtAnyAddress) {
  const Body body = described({{}}, {Buffer::copy_of("1234")});
  for (std::size_t shift = 1; shift < 8; ++shift) {
    const Buffer shifted = Buffer::copy_of(std::string(shift, '\0') + std::string(body[0].text()));
    auto decoded = decode_infer({shifted.slice(shift, body[0].size()), body[1]});
    EXPECT_TRUE(decoded) << shift;
  }
}

TEST(TensorCodec, TruncationsAreErrorsAndNeverReadPastTheEnd) {
  const Body body = described({{}, {.name = "z", .shape = {2}, .offset = 2, .length = 2}},
                              {Buffer::copy_of("1234")});
  constexpr std::size_t kPadding = 8;  // that much may be missing at the end without harm
  for (std::size_t size = 0; size + kPadding < body[0].size(); ++size) {
    // A copy, so that the address sanitizer sees any read past its end.
    const Buffer cut = Buffer::copy_of(body[0].bytes().first(size));
    EXPECT_FALSE(decode_infer({cut, body[1]})) << size;
    static_cast<void>(decode_result({cut, body[1]}));
    static_cast<void>(decode_failure({cut}));
  }
  EXPECT_FALSE(decode_infer({}));
  EXPECT_FALSE(decode_result({}));
  EXPECT_FALSE(decode_failure({}));
}

TEST(TensorCodec, FlippedBitsNeverReachPastTheFrames) {
  const Body body = described({{}, {.name = "z", .shape = {2}, .offset = 2, .length = 2}},
                              {Buffer::copy_of("1234")});
  for (std::size_t bit = 0; bit < body[0].size() * 8; ++bit) {
    std::string bytes(body[0].text());
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    auto decoded = decode_infer({Buffer::copy_of(bytes), body[1]});
    if (decoded) {
      for (const NamedTensor& tensor : decoded->inputs) {
        EXPECT_LE(tensor.data.size(), 4U);
      }
    }
  }
}

TEST(TensorCodec, RefusesADescriptionThatIsTooLong) {
  const Buffer huge = Buffer::copy_of(std::string(limits::kDescriptionBytes + 1, '\0'));
  EXPECT_EQ(decode_infer({huge}).error().detail,
            "link message: a description of 4194305 bytes, at most 4194304");
}

// Random requests, seeded: whatever is encoded is decoded to the same.
TEST(TensorCodec, RoundTripsAnyRequest) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random()) % limit; };
    std::vector<NamedTensor> inputs;
    for (unsigned i = below(80); i > 0; --i) {
      const std::size_t size = below(3) == 0 ? below(30'000) : below(100);
      inputs.push_back(bytes_tensor(std::to_string(i), size, static_cast<char>(below(256))));
    }
    auto body = encode_infer(request_of(inputs));
    ASSERT_TRUE(body) << "seed " << seed;
    ASSERT_LT(body->size(), limits::kLinkFrames) << "seed " << seed;
    auto decoded = decode_infer(*body);
    ASSERT_TRUE(decoded) << "seed " << seed << ": " << decoded.error().detail;
    expect_equal(decoded->inputs, inputs);
  }
}

}  // namespace
}  // namespace sluice::link
