#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/protocol/status_map.h"

namespace sluice::gateway {
namespace {

// "STATUS TYPE | Header: value | body"
std::string text_of(const ClientReply& reply) {
  std::string text = std::to_string(reply.status) + " " + std::string(reply.content_type);
  for (const auto& [name, value] : reply.headers) {
    text += " | " + name + ": " + value;
  }
  for (const Buffer& part : reply.body) {
    text += " | " + std::string(part.text());
  }
  return text;
}

TEST(StatusMap, has_every_code_in_every_table) {
  const int kserve[] = {400, 404, 501, 503, 504, 503, 500, 500, 499};
  const int graphpipe[] = {400, 404, 400, 503, 504, 503, 500, 500, 499};
  static_assert(std::size(kserve) == std::size(kAllErrorCodes));
  for (std::size_t i = 0; i < std::size(kAllErrorCodes); ++i) {
    EXPECT_EQ(http_status(Protocol::kserve_v2, kAllErrorCodes[i]), kserve[i]);
    EXPECT_EQ(http_status(Protocol::graphpipe, kAllErrorCodes[i]), graphpipe[i]);
  }
}

TEST(Replies, health_is_a_status_with_an_empty_body) {
  EXPECT_EQ(text_of(health_reply(Health::yes)), "200 text/plain; charset=utf-8");
  EXPECT_EQ(text_of(health_reply(Health::no, "model 'm' has failed")),
            "400 application/json | {\"error\":\"model 'm' has failed\"}");
  EXPECT_EQ(text_of(health_reply(Health::draining)),
            "503 application/json | Retry-After: 1 | {\"error\":\"the server is draining\"}");
}

TEST(Replies, graphpipe_health_is_the_go_servers_text) {
  EXPECT_EQ(text_of(graphpipe_ready_reply(Health::yes)), "200 text/plain; charset=utf-8 | ok\n");
  EXPECT_EQ(text_of(graphpipe_ready_reply(Health::no)),
            "503 text/plain; charset=utf-8 | not ready\n");
  EXPECT_EQ(text_of(graphpipe_ready_reply(Health::draining)),
            "503 text/plain; charset=utf-8 | not ready\n");
  EXPECT_EQ(text_of(graphpipe_alive_reply(Health::draining)),
            "200 text/plain; charset=utf-8 | ok\n");
  EXPECT_EQ(text_of(graphpipe_alive_reply(Health::no)),
            "503 text/plain; charset=utf-8 | not alive\n");
}

TEST(Replies, errors_have_their_protocols_form_and_say_when_to_retry) {
  const Error full = queue_full("m");
  EXPECT_EQ(text_of(error_reply(Protocol::kserve_v2, full)),
            "503 application/json | Retry-After: 1 | {\"error\":\"Exceeds maximum queue size of "
            "model 'm'\"}");
  EXPECT_EQ(text_of(error_reply(Protocol::graphpipe, full)),
            "503 text/plain; charset=utf-8 | X-Content-Type-Options: nosniff | Retry-After: 1 | "
            "Exceeds maximum queue size of model 'm'\n");
  EXPECT_EQ(text_of(error_reply(Protocol::kserve_v2, timeout_expired())),
            "504 application/json | {\"error\":\"Request timeout expired\"}");
  EXPECT_EQ(text_of(refusal_reply(413, "too \"large\"")),
            "413 application/json | {\"error\":\"too \\\"large\\\"\"}");
}

TEST(Replies, errors_carry_the_words_that_clients_match) {
  EXPECT_EQ(unknown_model({"m", std::nullopt}),
            (Error{ErrorCode::not_found, "Request for unknown model: 'm' is not found"}));
  EXPECT_EQ(unknown_model({"m", 9}),
            (Error{ErrorCode::not_found, "Request for unknown model: 'm' version 9 is not found"}));
  EXPECT_EQ(
      no_available_version({"m", std::nullopt}),
      (Error{ErrorCode::not_found, "Request for unknown model: 'm' has no available versions"}));
  EXPECT_EQ(version_not_ready({"m", 2}),
            (Error{ErrorCode::unavailable,
                   "Request for unknown model: 'm' version 2 is not at ready state"}));
}

TEST(Replies, model_metadata_lists_versions_as_strings) {
  const ModelInfo model{.name = "a\"b",
                        .version = 2,
                        .platform = "onnx_onnxv1",
                        .description = "",
                        .inputs = {{"x", DataType::string, {}, false}},
                        .outputs = {{"y", DataType::bfloat16, {-1, 3}, false}}};
  const std::int64_t versions[] = {1, 2};
  EXPECT_EQ(
      text_of(model_metadata_reply(model, versions)),
      "200 application/json | {\"name\":\"a\\\"b\",\"versions\":[\"1\",\"2\"],"
      "\"platform\":\"onnx_onnxv1\",\"inputs\":[{\"name\":\"x\",\"datatype\":\"BYTES\","
      "\"shape\":[]}],\"outputs\":[{\"name\":\"y\",\"datatype\":\"BF16\",\"shape\":[-1,3]}]}");
}

TEST(Replies, the_model_header_carries_any_name) {
  ClientReply reply;
  add_model_header(reply, "a b/\u00e4", 12);
  EXPECT_EQ(reply.headers[0].second, "a%20b%2F%C3%A4/12");
}

}  // namespace
}  // namespace sluice::gateway
