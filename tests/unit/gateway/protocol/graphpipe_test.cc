#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "gateway/protocol/adapters.h"
#include "gateway/protocol/flat_reader.h"
#include "gateway/protocol/graphpipe_types.h"
#include "schema/graphpipe_generated.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {
namespace {

namespace wire = graphpipe_wire;

Result<Decoded> decode(const Buffer& body, const char* model) {
  ClientMessage message;
  message.method = "POST";
  message.body = body;
  const InferCall call{.adapter = &graphpipe_adapter(), .target = {model, std::nullopt}};
  return graphpipe_adapter().decode(message, call, transcript_model(model));
}

Buffer finished(flatbuffers::FlatBufferBuilder& builder,
                flatbuffers::Offset<wire::InferRequest> infer) {
  builder.Finish(wire::CreateRequest(builder, wire::Req::InferRequest, infer.Union()));
  return Buffer::copy_of(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
}

const Transcript& unterminated() {
  static const Transcript transcript =
      read_transcript(SLUICE_SOURCE_DIR "/tests/protocol/graphpipe/strings_unterminated.txt");
  return transcript;
}

// Why the reader is our own.
TEST(GraphPipe, takes_a_request_that_the_generated_verifier_refuses) {
  const Buffer body = Buffer::copy_of(std::string_view(unterminated().body));
  // NOLINTNEXTLINE: the generated verifier's byte type.
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  EXPECT_FALSE(verifier.VerifyBuffer<wire::Request>(nullptr));
  EXPECT_TRUE(decode(body, "text"));
}

TEST(GraphPipe, reads_at_any_alignment) {
  for (std::size_t shift = 0; shift < 9; ++shift) {
    const std::string padded = std::string(shift, '\x55') + unterminated().body;
    const Buffer body =
        Buffer::copy_of(std::string_view(padded)).slice(shift, padded.size() - shift);
    auto decoded = decode(body, "text");
    ASSERT_TRUE(decoded) << shift;
    EXPECT_EQ(dump(std::get<InferRequest>(decoded->call)), unterminated().meaning) << shift;
  }
}

TEST(GraphPipe, tensor_data_are_slices_of_the_body) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<std::uint8_t> bytes(64, 7);
  const auto data = builder.CreateVector(bytes);
  const auto shape = builder.CreateVector(std::vector<std::int64_t>{4, 4});
  const auto tensor = wire::CreateTensor(builder, wire::Type::Float32, shape, data);
  const auto tensors = builder.CreateVector(std::vector{tensor});
  const Buffer body = finished(builder, wire::CreateInferRequest(builder, 0, 0, tensors, 0));
  auto decoded = decode(body, "scalar");
  ASSERT_TRUE(decoded);
  const auto& input = std::get<InferRequest>(decoded->call).inputs.at(0);
  EXPECT_GE(input.data.data(), body.data());
  EXPECT_LE(input.data.data() + input.data.size(), body.data() + body.size());
  EXPECT_EQ(input.data.size(), 64U);
}

// One tensor of 1 KB named a thousand times would reach the worker as 1 MB.
TEST(GraphPipe, refuses_tensors_that_share_their_bytes) {
  flatbuffers::FlatBufferBuilder builder;
  const auto data = builder.CreateVector(std::vector<std::uint8_t>(1024, 7));
  const auto shape = builder.CreateVector(std::vector<std::int64_t>{256});
  const auto tensor = wire::CreateTensor(builder, wire::Type::Float32, shape, data);
  const auto tensors = builder.CreateVector(std::vector(1000, tensor));
  const Buffer body = finished(builder, wire::CreateInferRequest(builder, 0, 0, tensors, 0));
  const auto decoded = decode(body, "scalar");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().detail, "malformed FlatBuffer: its tensors overlap");
}

TEST(GraphPipe, refuses_strings_that_share_their_bytes) {
  flatbuffers::FlatBufferBuilder builder;
  const auto element = builder.CreateString(std::string(1000, 'x'));
  const auto strings = builder.CreateVector(std::vector(1000, element));
  const auto shape = builder.CreateVector(std::vector<std::int64_t>{1000});
  const auto tensor = wire::CreateTensor(builder, wire::Type::String, shape, 0, strings);
  const auto tensors = builder.CreateVector(std::vector{tensor});
  const Buffer body = finished(builder, wire::CreateInferRequest(builder, 0, 0, tensors, 0));
  EXPECT_FALSE(decode(body, "text"));
}

TEST(GraphPipe, refuses_both_forms_of_data_in_one_tensor) {
  for (const auto type : {wire::Type::Float32, wire::Type::String}) {
    flatbuffers::FlatBufferBuilder one;
    const auto tensor = wire::CreateTensor(one,
                                           type,
                                           one.CreateVector(std::vector<std::int64_t>{1}),
                                           one.CreateVector(std::vector<std::uint8_t>{1, 2, 3, 4}),
                                           one.CreateVectorOfStrings({"a"}));
    const auto tensors = one.CreateVector(std::vector{tensor});
    const auto decoded =
        decode(finished(one, wire::CreateInferRequest(one, 0, 0, tensors, 0)), "text");
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().detail,
              "input number 0: exactly one of data and string_val goes with its type");
  }
}

// Whatever byte of a good request is damaged, there is an answer and nothing is read outside.
TEST(GraphPipe, survives_every_damaged_byte_and_every_truncation) {
  for (const char* name : {"infer_named", "strings_terminated", "metadata"}) {
    const Transcript transcript = read_transcript(
        std::string(SLUICE_SOURCE_DIR "/tests/protocol/graphpipe/") + name + ".txt");
    for (std::size_t i = 0; i < transcript.body.size(); ++i) {
      for (const int value : {0, 1, 0x7F, 0x80, 0xFF}) {
        std::string damaged = transcript.body;
        damaged[i] = static_cast<char>(value);
        // Exactly as large as its bytes, so that the sanitizer sees a read beyond.
        const std::unique_ptr<char[]> exact(new char[damaged.size()]);
        std::copy(damaged.begin(), damaged.end(), exact.get());
        const std::span<const char> bytes(exact.get(), damaged.size());
        const auto decoded = decode(Buffer(nullptr, std::as_bytes(bytes)), "add");
        EXPECT_TRUE(decoded || decoded.error().code == ErrorCode::invalid_argument);
      }
      const auto cut =
          decode(Buffer::copy_of(std::string_view(transcript.body).substr(0, i)), "add");
      EXPECT_TRUE(cut || cut.error().code == ErrorCode::invalid_argument);
    }
  }
}

TEST(GraphPipe, an_output_without_a_type_is_an_error_answer) {
  const InferResponse response{
      .model = "m",
      .version = 1,
      .outputs = {{"y", DataType::bfloat16, {1}, Buffer::copy_of(std::string_view("ab"))}},
      .timing = {}};
  const ClientReply reply = graphpipe_adapter().encode(response, {}, {});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body.at(0).text(),
            "output 'y' is bfloat16, for which GraphPipe has no type; ask by KServe v2\n");
}

TEST(GraphPipe, types_map_both_ways_but_bool) {
  for (std::uint8_t type = 1; type <= 12; ++type) {
    EXPECT_EQ(graphpipe::type_of(graphpipe::datatype_of(type).value()), type);
  }
  EXPECT_EQ(graphpipe::datatype_of(0), std::nullopt);
  EXPECT_EQ(graphpipe::datatype_of(13), std::nullopt);
  EXPECT_EQ(graphpipe::type_of(DataType::boolean), graphpipe::type_of(DataType::uint8));
  EXPECT_EQ(graphpipe::type_of(DataType::bfloat16), 0);
}

}  // namespace
}  // namespace sluice::gateway
