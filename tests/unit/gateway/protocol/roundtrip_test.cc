// Random tensors through each form of each protocol and back, bit for bit.

#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/protocol/adapters.h"
#include "gateway/protocol/graphpipe_types.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/protocol/tensor_bytes.h"
#include "schema/graphpipe_generated.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {
namespace {

namespace wire = graphpipe_wire;

constexpr DataType kTypes[] = {DataType::boolean,
                               DataType::uint8,
                               DataType::uint16,
                               DataType::uint32,
                               DataType::uint64,
                               DataType::int8,
                               DataType::int16,
                               DataType::int32,
                               DataType::int64,
                               DataType::float16,
                               DataType::bfloat16,
                               DataType::float32,
                               DataType::float64,
                               DataType::string};

std::string random_text(std::mt19937_64& random) {
  const char* const pieces[] = {"a", "\"", "\\", "\n", "\u00e4", "\U0001F600", "/", "x y"};
  std::string text;
  for (auto n = random() % 6; n > 0; --n) {
    text += random() % 20 == 0 ? std::string(1, '\0') : pieces[random() % std::size(pieces)];
  }
  return text;
}

Buffer random_data(std::mt19937_64& random, DataType type, std::int64_t count) {
  std::string bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random();
    char raw[8];
    std::memcpy(raw, &bits, sizeof raw);
    if (type == DataType::string) {
      append_string_element(bytes, random_text(random));
    } else if (type == DataType::boolean) {
      bytes += static_cast<char>(bits & 1U);
    } else if (type == DataType::float32 || type == DataType::float64) {
      // No NaN: its sign and payload are not JSON's to keep.
      const double value =
          static_cast<double>(static_cast<std::int64_t>(bits)) * (random() % 2 == 0 ? 1e-19 : 1e-3);
      const auto narrow = static_cast<float>(value);
      bytes += type == DataType::float32
                   ? std::string(reinterpret_cast<const char*>(&narrow), sizeof narrow)
                   : std::string(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      bytes.append(raw, element_size(type));
    }
  }
  return Buffer::copy_of(std::string_view(bytes));
}

std::vector<NamedTensor> random_tensors(std::mt19937_64& random) {
  std::vector<NamedTensor> tensors;
  for (auto n = 1 + random() % 4; n > 0; --n) {
    NamedTensor tensor;
    tensor.name = "t" + std::to_string(tensors.size());
    tensor.datatype = kTypes[random() % std::size(kTypes)];
    for (auto rank = random() % 4; rank > 0; --rank) {
      tensor.shape.push_back(static_cast<std::int64_t>(random() % 4));
    }
    tensor.data = random_data(random, tensor.datatype, *element_count(tensor.shape));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::string joined(const ClientReply& reply) {
  std::string body;
  for (const Buffer& part : reply.body) {
    body += part.text();
  }
  return body;
}

void expect_same(const std::vector<NamedTensor>& got, const std::vector<NamedTensor>& wanted) {
  EXPECT_EQ(dump({.model = "m", .version = {}, .inputs = got, .outputs = {}, .timeout = {}}),
            dump({.model = "m", .version = {}, .inputs = wanted, .outputs = {}, .timeout = {}}));
}

// An answer's text with its tensors as the inputs of a request.
TEST(RoundTrip, kserve_answers_read_back_as_requests) {
  constexpr unsigned kSeed = 4711;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 2'000; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(i));
    const InferResponse response{
        .model = "m", .version = 3, .outputs = random_tensors(random), .timing = {}};
    ReplyHints hints;
    for (const NamedTensor& tensor : response.outputs) {
      const bool only_binary =
          tensor.datatype == DataType::float16 || tensor.datatype == DataType::bfloat16;
      hints.outputs.push_back({.name = tensor.name, .binary = only_binary || random() % 2 == 0});
    }
    const ClientReply reply = kserve_v2_adapter().encode(response, hints, {});
    ASSERT_EQ(reply.status, 200) << joined(reply);
    std::string body = joined(reply);
    const auto place = body.find("\"outputs\"");
    ASSERT_NE(place, std::string::npos);
    body.replace(place, 9, "\"inputs\" ");  // as long as it was

    std::vector<HeaderField> headers;
    for (const auto& [name, value] : reply.headers) {
      headers.push_back({name, value});
    }
    ClientMessage message;
    message.headers = headers;
    message.body = Buffer::copy_of(std::string_view(body));
    const InferCall call{.adapter = &kserve_v2_adapter(), .target = {"m", std::nullopt}};
    auto decoded = kserve_v2_adapter().decode(message, call, nullptr);
    ASSERT_TRUE(decoded) << decoded.error().detail << "\n" << body;
    expect_same(std::get<InferRequest>(decoded->call).inputs, response.outputs);
  }
}

template <class T>
const T& there(const T* pointer) {
  if (pointer == nullptr) {
    throw std::runtime_error("the answer lacks a field that clients read unasked");
  }
  return *pointer;
}

flatbuffers::Offset<wire::Tensor> copy(flatbuffers::FlatBufferBuilder& builder,
                                       const wire::Tensor& tensor) {
  const auto shape = builder.CreateVector(there(tensor.shape()).data(), tensor.shape()->size());
  if (tensor.string_val() == nullptr) {
    const auto data = builder.CreateVector(there(tensor.data()).data(), tensor.data()->size());
    return wire::CreateTensor(builder, tensor.type(), shape, data);
  }
  std::vector<flatbuffers::Offset<flatbuffers::String>> elements;
  for (const auto* element : *tensor.string_val()) {
    elements.push_back(builder.CreateString(&there(element)));
  }
  return wire::CreateTensor(builder, tensor.type(), shape, 0, builder.CreateVector(elements));
}

// The tensors of an answer put into a request with the generated code, names added.
TEST(RoundTrip, graphpipe_answers_read_back_as_requests) {
  constexpr unsigned kSeed = 1234;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 2'000; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(i));
    InferResponse response{
        .model = "m", .version = 3, .outputs = random_tensors(random), .timing = {}};
    std::erase_if(response.outputs, [](const NamedTensor& tensor) {
      return graphpipe::type_of(tensor.datatype) == 0;
    });
    const ClientReply reply = graphpipe_adapter().encode(response, {}, {});
    ASSERT_EQ(reply.status, 200) << joined(reply);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(reply.body[0].data());
    flatbuffers::Verifier verifier(bytes, reply.body[0].size());
    ASSERT_TRUE(verifier.VerifyBuffer<wire::InferResponse>(nullptr));
    const auto* answer = flatbuffers::GetRoot<wire::InferResponse>(bytes);

    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<flatbuffers::String>> names;
    std::vector<flatbuffers::Offset<wire::Tensor>> tensors;
    for (std::size_t k = 0; k < response.outputs.size(); ++k) {
      names.push_back(builder.CreateString(response.outputs[k].name));
      tensors.push_back(
          copy(builder,
               there(there(answer->output_tensors()).Get(static_cast<flatbuffers::uoffset_t>(k)))));
    }
    const auto infer = wire::CreateInferRequest(
        builder, 0, builder.CreateVector(names), builder.CreateVector(tensors), 0);
    builder.Finish(wire::CreateRequest(builder, wire::Req::InferRequest, infer.Union()));

    ClientMessage message;
    message.body =
        Buffer::copy_of(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
    const InferCall call{.adapter = &graphpipe_adapter(), .target = {"m", std::nullopt}};
    auto decoded = graphpipe_adapter().decode(message, call, nullptr);
    ASSERT_TRUE(decoded) << decoded.error().detail;
    for (NamedTensor& tensor : response.outputs) {  // bool has no type of its own
      tensor.datatype = tensor.datatype == DataType::boolean ? DataType::uint8 : tensor.datatype;
    }
    expect_same(std::get<InferRequest>(decoded->call).inputs, response.outputs);
  }
}

TEST(RoundTrip, a_broken_answer_of_a_worker_is_an_error_and_not_a_crash) {
  const NamedTensor broken[] = {
      {"y", DataType::float32, {2}, Buffer::copy_of(std::string_view("1234567"))},
      {"y", DataType::float32, {-1}, {}},
      {"y", DataType::float32, {INT64_MAX, INT64_MAX}, {}},
      {"y", DataType::undefined, {}, {}},
      {"y", DataType::string, {1}, {}},
      {"y", DataType::string, {1}, Buffer::copy_of(std::string_view("\x01\0\0", 3))},
      {"y", DataType::string, {1}, Buffer::copy_of(std::string_view("\xFF\0\0\0x", 5))},
      {"y", DataType::string, {1}, Buffer::copy_of(std::string_view("\0\0\0\0\0\0\0\0", 8))},
  };
  for (const NamedTensor& tensor : broken) {
    const InferResponse response{.model = "m", .version = 1, .outputs = {tensor}, .timing = {}};
    for (const Adapter& adapter : adapters()) {
      const ClientReply reply = adapter.encode(response, {}, {});
      EXPECT_EQ(reply.status, 500) << adapter.name;
      EXPECT_NE(joined(reply).find("output 'y' is broken"), std::string::npos) << joined(reply);
    }
  }
}

}  // namespace
}  // namespace sluice::gateway
