// Replays every transcript against the adapters: what a request means and the exact bytes of the
// answer.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/overloaded.h"
#include "gateway/protocol/adapters.h"
#include "gateway/protocol/control_replies.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {
namespace {

struct Outcome {
  std::vector<std::string> meaning;
  ClientReply reply;
};

ClientReply for_model(const ModelRef& target, Protocol protocol, auto answer) {
  const ModelInfo* model = transcript_model(target.model);
  if (model == nullptr || target.version.value_or(1) != 1) {
    return error_reply(protocol, unknown_model(target));
  }
  return answer(*model);
}

Outcome infer(const Transcript& transcript, const ClientMessage& message, const InferCall& call) {
  const ModelInfo* model = transcript_model(call.target.model);
  auto decoded = call.adapter->decode(message, call, model);
  if (!decoded) {
    return {{}, call.adapter->encode_error(decoded.error(), {})};
  }
  if (const auto* asked = std::get_if<MetadataAsked>(&decoded->call)) {
    return {{"metadata"}, for_model(asked->target, Protocol::graphpipe, [](const ModelInfo& info) {
              return graphpipe_metadata_reply(info, "0.1.0");
            })};
  }
  auto& request = std::get<InferRequest>(decoded->call);
  if (model == nullptr) {
    return {{}, call.adapter->encode_error(unknown_model(call.target), decoded->hints)};
  }
  if (auto valid = validate(request, *model); !valid) {
    return {{}, call.adapter->encode_error(valid.error(), decoded->hints)};
  }
  const InferResponse response{
      .model = model->name, .version = 1, .outputs = transcript.outputs, .timing = {}};
  return {dump(request), call.adapter->encode(response, decoded->hints)};
}

// A server whose models are all ready.
Outcome exchange(const Transcript& transcript, const RouteOptions& options) {
  std::vector<HeaderField> headers;
  for (const auto& [name, value] : transcript.headers) {
    headers.push_back({name, value});
  }
  const ClientMessage message{.method = transcript.method,
                              .path = transcript.path,
                              .query = "",
                              .headers = headers,
                              .body = Buffer::copy_of(std::string_view(transcript.body))};
  Route route = parse_route(message, options);
  const auto healthy = [](const auto&) { return Outcome{{}, health_reply(Health::yes)}; };
  return std::visit(
      Overloaded{
          [&](InferCall& call) { return infer(transcript, message, call); },
          [&](ServerLiveCall& call) { return healthy(call); },
          [&](ServerReadyCall& call) { return healthy(call); },
          [&](ServerMetadataCall&) {
            return Outcome{{}, server_metadata_reply("0.1.0")};
          },
          [&](ModelMetadataCall& call) {
            return Outcome{{},
                           for_model(call.target, Protocol::kserve_v2, [](const ModelInfo& info) {
                             const std::int64_t versions[] = {1};
                             return model_metadata_reply(info, versions);
                           })};
          },
          [&](ModelReadyCall& call) {
            return Outcome{{}, for_model(call.target, Protocol::kserve_v2, [](const ModelInfo&) {
                             return health_reply(Health::yes);
                           })};
          },
          [&](GraphPipeJsonCall& call) {
            return Outcome{{},
                           for_model(call.target, Protocol::graphpipe, [](const ModelInfo& info) {
                             return graphpipe_json_reply(info, "0.1.0");
                           })};
          },
          [&](GraphPipeReadyCall&) {
            return Outcome{{}, graphpipe_ready_reply(Health::yes)};
          },
          [&](GraphPipeAliveCall&) {
            return Outcome{{}, graphpipe_alive_reply(Health::yes)};
          },
          [&](StatusCall&) {
            return Outcome{{}, json_reply("{}")};
          },
          [&](ClientReply& reply) {
            return Outcome{{}, std::move(reply)};
          },
      },
      route);
}

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
    const Outcome outcome = exchange(transcript, options);
    EXPECT_EQ(outcome.meaning, transcript.meaning);
    EXPECT_EQ(head_of(outcome.reply), transcript.reply_head);
    const std::string body = body_of(outcome.reply);
    EXPECT_EQ(body, transcript.reply_body) << hex_of(body);
  }
}

TEST(Transcripts, kserve_v2) {
  replay("kserve", {});
}

TEST(Transcripts, graphpipe_on_the_main_port) {
  replay("graphpipe", {});
}

TEST(Transcripts, graphpipe_alone) {
  replay("graphpipe/alone", {.graphpipe_model = "add"});
}

}  // namespace
}  // namespace sluice::gateway
