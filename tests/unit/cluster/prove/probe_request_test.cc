#include "cluster/prove/probe_request.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

TEST(ProbeRequest, CarriesItsIdInAWholeRequest) {
  InferRequest request;
  request.model = "my model";
  request.inputs.push_back({"x", DataType::uint8, {2}, Buffer::copy_of(std::string("AB"))});
  ProbeRequest probe(request, "host:1");
  const std::string json = R"({"id":"00000000000000ff","inputs":[{"datatype":"UINT8","name":"x",)"
                           R"("parameters":{"binary_data_size":2},"shape":[2]}],)"
                           R"("parameters":{"binary_data_output":true}})";
  const std::string size = std::to_string(json.size());
  EXPECT_EQ(probe.with_id(255),
            "POST /v2/models/my%20model/infer HTTP/1.1\r\nHost: host:1\r\n"
            "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: " +
                size + "\r\nContent-Length: " + std::to_string(json.size() + 2) + "\r\n\r\n" +
                json + "AB");
  EXPECT_EQ(probe.body_size(), json.size() + 2);
  EXPECT_NE(probe.with_id(0x123456789abcdef0).find("\"123456789abcdef0\""), std::string::npos);
}

TEST(Identity, IsReadOfTheJsonPartAlone) {
  const std::string json = R"({"id":"00000000000000ff","model_name":"m","model_version":"3"})";
  const auto identity = identity_of(
      {.status = 200, .served_by = "m/3", .json_size = json.size(), .body = json + "\1\2"});
  ASSERT_TRUE(identity);
  EXPECT_EQ(*identity, (Identity{255, "m", 3}));
}

TEST(Identity, SaysWhatIsMissing) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"x", "not a JSON object"},
      {R"({"model_name":"m","model_version":"3"})", "no id, or none of ours"},
      {R"({"id":"xyz","model_name":"m","model_version":"3"})", "no id, or none of ours"},
      {R"({"id":"1","model_version":"3"})", "no model_name or no model_version"},
      {R"({"id":"1","model_name":"m"})", "no model_name or no model_version"},
      {R"({"id":"1","model_name":"m","model_version":"v"})", "no model_name or no model_version"},
      {R"({"id":"1","model_name":"m","model_version":"4"})", "header Sluice-Model 'm/3', body m/4"},
  };
  for (const auto& [body, why] : cases) {
    const auto identity =
        identity_of({.status = 200, .served_by = "m/3", .json_size = {}, .body = body});
    ASSERT_FALSE(identity) << body;
    EXPECT_EQ(identity.error().detail, "the server's answer: " + why);
  }
  EXPECT_FALSE(identity_of({.status = 200, .served_by = "m/3", .json_size = 3, .body = "{}"}));
}

TEST(Refusal, IsTheServersSentence) {
  EXPECT_EQ(
      refusal_of({.status = 503, .served_by = {}, .json_size = {}, .body = R"({"error":"a"})"}),
      "a");
  EXPECT_EQ(refusal_of({.status = 503, .served_by = {}, .json_size = {}, .body = R"({"error":1})"}),
            "");
  EXPECT_EQ(refusal_of({.status = 503, .served_by = {}, .json_size = {}, .body = "no"}), "");
}

}  // namespace
}  // namespace sluice::cluster
