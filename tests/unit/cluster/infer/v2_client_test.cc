#include "cluster/infer/v2_client.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "cluster/infer/elements.h"
#include "cluster/infer/print.h"

namespace sluice::cluster {
namespace {

TEST(V2Client, EncodesPathsAsTheSpecificationSays) {
  EXPECT_EQ(model_path("digits", std::nullopt), "/v2/models/digits");
  EXPECT_EQ(model_path("a b/\xc3\xa9", 3), "/v2/models/a%20b%2F%C3%A9/versions/3");
}

TEST(V2Client, SendsTensorsAfterTheJson) {
  InferRequest request;
  request.inputs = {{"a", DataType::uint8, {2}, Buffer::copy_of("xy")},
                    {"b", DataType::uint8, {1}, Buffer::copy_of("z")}};
  request.timeout = std::chrono::milliseconds(20);
  const EncodedRequest encoded = encode_request(request);
  EXPECT_EQ(encoded.body.substr(0, encoded.json_size),
            R"({"inputs":[{"datatype":"UINT8","name":"a","parameters":{"binary_data_size":2},)"
            R"("shape":[2]},{"datatype":"UINT8","name":"b","parameters":{"binary_data_size":1},)"
            R"("shape":[1]}],"parameters":{"binary_data_output":true,"timeout":20000}})");
  EXPECT_EQ(encoded.body.substr(encoded.json_size), "xyz");
  request.outputs = {"o"};
  EXPECT_NE(encode_request(request).body.find(
                R"("outputs":[{"name":"o","parameters":{"binary_data":true}}])"),
            std::string::npos);
}

TEST(V2Client, ReadsMetadata) {
  const auto model = decode_metadata(
      R"({"name":"m","versions":["1"],"platform":"onnx_onnxv1",
          "inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],
          "outputs":[{"name":"y","datatype":"BYTES","shape":[1]}]})");
  ASSERT_TRUE(model) << model.error().detail;
  EXPECT_EQ(model->inputs, (std::vector<ValueInfo>{{"x", DataType::float32, {-1, 4}, false}}));
  EXPECT_EQ(model->outputs, (std::vector<ValueInfo>{{"y", DataType::string, {1}, false}}));
  for (const char* json :
       {"",
        "[]",
        "{}",
        R"({"inputs":1,"outputs":[]})",
        R"({"inputs":[{"name":"x"}],"outputs":[]})",
        R"({"inputs":[{"name":"x","datatype":"FP32"}],"outputs":[]})",
        R"({"inputs":[{"name":"x","datatype":"FP32","shape":["a"]}],"outputs":[]})"}) {
    EXPECT_FALSE(decode_metadata(json)) << json;
  }
}

// An answer with a binary and a JSON output.
struct Answer {
  std::string json =
      R"({"model_name":"m","model_version":"7","outputs":[)"
      R"({"name":"p","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},)"
      R"({"name":"n","datatype":"INT64","shape":[2],"data":[5,-6]}]})";
  std::string tensors = std::string("\0\0\0\0\0\0\x80\x3f", 8);
};

TEST(V2Client, ReadsBinaryAndJsonOutputs) {
  const Answer answer;
  const auto response =
      decode_response(Buffer::copy_of(answer.json + answer.tensors), answer.json.size());
  ASSERT_TRUE(response) << response.error().detail;
  EXPECT_EQ(response->version, 7);
  EXPECT_EQ(number_at(response->outputs.at(0), 1), 1.0);
  EXPECT_EQ(print_text(*response),
            "m version 7\n"
            "p  float32 [1,2]  0 1\n"
            "   arg-max 1 (1)\n"
            "n  int64 [2]  5 -6\n");
  EXPECT_EQ(print_json(*response),
            R"({"model_name":"m","model_version":"7","outputs":[)"
            R"({"name":"p","datatype":"FP32","shape":[1,2],"data":[0.0,1.0]},)"
            R"({"name":"n","datatype":"INT64","shape":[2],"data":[5,-6]}]})"
            "\n");
}

TEST(V2Client, RefusesAnswersThatDoNotAddUp) {
  const Answer answer;
  struct Case {
    std::string body;
    std::optional<std::size_t> json_size;
  };
  const Case cases[] = {
      {answer.json + answer.tensors, answer.json.size() + 9},
      {answer.json + answer.tensors + "x", answer.json.size()},
      {answer.json + "1234567", answer.json.size()},
      {answer.json, std::nullopt},
      {"{}", std::nullopt},
      {R"({"outputs":[{"name":"p","datatype":"FP32","shape":[3],"data":[1,2]}]})", std::nullopt},
      {R"({"outputs":[{"name":"p","datatype":"FP32","shape":[-1],"data":[1]}]})", std::nullopt},
      {R"({"outputs":[{"name":"p","datatype":"FP32","shape":[1]}]})", std::nullopt},
      {R"({"outputs":[{"name":"p","datatype":"FP32","shape":[1],"parameters":3}]})", std::nullopt},
      {R"({"outputs":[7]})", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_FALSE(decode_response(Buffer::copy_of(c.body), c.json_size)) << c.body;
  }
}

TEST(V2Client, ChecksStrings) {
  const std::string json = R"({"outputs":[{"name":"s","datatype":"BYTES","shape":[2],)"
                           R"("parameters":{"binary_data_size":11}}]})";
  const std::string good("\x02\0\0\0hi\x01\0\0\0!", 11);
  const auto response = decode_response(Buffer::copy_of(json + good), json.size());
  ASSERT_TRUE(response) << response.error().detail;
  EXPECT_EQ(element_texts(response->outputs[0], 9), (std::vector<std::string>{"\"hi\"", "\"!\""}));
  for (const std::string& bad : {std::string("\x02\0\0\0hi\x02\0\0\0!", 11),
                                 std::string("\x07\0\0\0hi\x01\0\0\0!", 11),
                                 std::string("\xff\xff\xff\xffhi\x01\0\0\0!", 11)}) {
    EXPECT_FALSE(decode_response(Buffer::copy_of(json + bad), json.size()));
  }
}

TEST(V2Client, PassesTheServersSentenceOn) {
  EXPECT_EQ(decode_error(404, R"({"error":"no model 'x'"})"),
            (Error{ErrorCode::not_found, "no model 'x'"}));
  EXPECT_EQ(decode_error(502, "<html>"),
            (Error{ErrorCode::internal, "the server answers with status 502"}));
}

TEST(Print, ShortensLongOutputsAndHidesControlBytes) {
  InferResponse response;
  response.model = "evil\x1b[2J";
  response.outputs = {{"many", DataType::uint8, {40}, Buffer::copy_of(std::string(40, '\x07'))}};
  EXPECT_EQ(print_text(response),
            "evil?[2J version 0\n"
            "many  uint8 [40]  7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 ... (40 in all)\n");
}

TEST(Elements, ReadsHalvesAndBfloats) {
  EXPECT_EQ(float_from_half(0x3c00), 1.0F);
  EXPECT_EQ(float_from_half(0xc000), -2.0F);
  EXPECT_EQ(float_from_half(0x0001), 5.9604645e-8F);
  EXPECT_EQ(float_from_half(0x7bff), 65504.0F);
  EXPECT_EQ(float_from_half(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_NE(float_from_half(0x7e00), float_from_half(0x7e00));
  EXPECT_EQ(float_from_bfloat(0x3f80), 1.0F);
}

}  // namespace
}  // namespace sluice::cluster
