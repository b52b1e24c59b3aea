// Replays every transcript against the adapters: what a request means and the exact bytes of the
// answer.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/protocol/adapters.h"
#include "tests/protocol/exchange.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {
namespace {

std::vector<std::string> head_of(const ClientReply& reply) {
  std::vector<std::string> head = {std::to_string(reply.status) + " " +
                                   std::string(reply.content_type)};
  for (const auto& [name, value] : reply.headers) {
    head.push_back(name + ": " + value);
  }
  return head;
}

std::string body_of(const ClientReply& reply) {
  std::string body;
  for (const Buffer& part : reply.body) {
    body += part.text();
  }
  return body;
}

void replay(const char* protocol, const RouteOptions& options) {
  const auto transcripts =
      read_transcripts(std::string(SLUICE_SOURCE_DIR "/tests/protocol/") + protocol);
  ASSERT_FALSE(transcripts.empty());
  for (const Transcript& transcript : transcripts) {
    SCOPED_TRACE(transcript.name);
    std::vector<HeaderField> headers;
    for (const auto& [name, value] : transcript.headers) {
      headers.push_back({name, value});
    }
    const ClientMessage message{.method = transcript.method,
                                .path = transcript.path,
                                .query = "",
                                .headers = headers,
                                .body = Buffer::copy_of(std::string_view(transcript.body))};
    const Outcome outcome =
        exchange(message, options, [&](const InferRequest&) { return transcript.outputs; });
    EXPECT_EQ(outcome.meaning, transcript.meaning);
    EXPECT_EQ(head_of(outcome.reply), transcript.reply_head);
    const std::string body = body_of(outcome.reply);
    EXPECT_EQ(body, transcript.reply_body) << hex_of(body);
  }
}

TEST(Transcripts, kserve_v2) {
  replay("kserve", {});
}

TEST(Transcripts, admin) {
  replay("admin", {});
}

TEST(Transcripts, graphpipe_on_the_main_port) {
  replay("graphpipe", {});
}

TEST(Transcripts, graphpipe_alone) {
  replay("graphpipe/alone", {.graphpipe_model = "add"});
}

}  // namespace
}  // namespace sluice::gateway
