#include "tests/protocol/exchange.h"

#include <utility>

#include "common/base/overloaded.h"
#include "gateway/protocol/control_replies.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {
namespace {

ClientReply for_model(const ModelRef& target, Protocol protocol, auto answer) {
  const ModelInfo* model = transcript_model(target.model);
  if (model == nullptr || target.version.value_or(1) != 1) {
    return error_reply(protocol, unknown_model(target));
  }
  return answer(*model);
}

Outcome infer(const ClientMessage& message, const InferCall& call, const Work& work) {
  const ModelInfo* model =
      call.target.version.value_or(1) == 1 ? transcript_model(call.target.model) : nullptr;
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
  std::vector<std::string> meaning = dump(request);
  const InferResponse response{
      .model = model->name, .version = 1, .outputs = work(request), .timing = {}};
  return {std::move(meaning), call.adapter->encode(response, decoded->hints, transcript_labels())};
}

}  // namespace

Outcome exchange(const ClientMessage& message, const RouteOptions& options, const Work& work) {
  Route route = parse_route(message, options);
  const auto healthy = [](const auto&) { return Outcome{{}, health_reply(Health::yes)}; };
  return std::visit(
      Overloaded{
          [&](InferCall& call) { return infer(message, call, work); },
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
          [&](ModelConfigCall& call) {
            return Outcome{{}, for_model(call.target, Protocol::kserve_v2, [](const ModelInfo&) {
                             return model_config_reply(R"({"name":"add"})");
                           })};
          },
          [&](OperatorCall&) {
            return Outcome{{}, operator_reply(std::nullopt, {})};
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

}  // namespace sluice::gateway
