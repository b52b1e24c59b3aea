#include "gateway/route/control_calls.h"

#include <optional>
#include <type_traits>
#include <variant>

#include "common/base/overloaded.h"
#include "common/base/version.h"
#include "gateway/protocol/control_replies.h"

namespace sluice::gateway {
namespace {

using Standing = ModelTable::Standing;

Health health_of(bool yes, bool draining) {
  if (draining) {
    return Health::draining;
  }
  return yes ? Health::yes : Health::no;
}

ClientReply model_ready(const ModelRef& target, const ModelTable& models, bool draining) {
  if (models.standing(target) == Standing::unknown) {
    return error_reply(Protocol::kserve_v2, unknown_model(target));
  }
  const bool ready = models.standing(target) == Standing::ready;
  return health_reply(health_of(ready, draining), ready ? "" : models.why_not_ready(target));
}

ClientReply model_metadata(const ModelRef& target, const ModelTable& models) {
  const ModelInfo* info = models.find(target);
  if (info == nullptr) {
    return error_reply(Protocol::kserve_v2, refusal_for(target, models));
  }
  std::vector<std::int64_t> versions = models.ready_versions(target.model);
  if (target.version) {
    versions = {*target.version};
  }
  return model_metadata_reply(*info, versions);
}

ClientReply model_config(const ModelRef& target, const ModelTable& models) {
  if (models.standing(target) == Standing::unknown) {
    return error_reply(Protocol::kserve_v2, unknown_model(target));
  }
  const std::string config = models.config(target);
  return config.empty() ? error_reply(Protocol::kserve_v2, no_configuration(target))
                        : model_config_reply(config);
}

template <class Call>
concept HasTarget = requires(Call call) {
  call.target;
};

// The protocol in which a call's errors are told.
template <class Call>
Protocol protocol_of(const Call& call) {
  if constexpr (std::is_same_v<Call, InferCall>) {
    return call.adapter == &graphpipe_adapter() ? Protocol::graphpipe : Protocol::kserve_v2;
  }
  const bool graphpipe =
      std::is_same_v<Call, GraphPipeJsonCall> || std::is_same_v<Call, GraphPipeReadyCall>;
  return graphpipe ? Protocol::graphpipe : Protocol::kserve_v2;
}

ClientReply graphpipe_json(const ModelRef& target, const ModelTable& models) {
  const ModelInfo* info = models.find(target);
  return info == nullptr ? error_reply(Protocol::graphpipe, refusal_for(target, models))
                         : graphpipe_json_reply(*info, kVersion);
}

}  // namespace

void settle_label(Route& route, const ModelTable& models) {
  std::optional<ClientReply> refusal;
  std::visit(
      [&]<class Call>(Call& call) {
        if constexpr (HasTarget<Call>) {
          if (call.target.label.empty()) {
            return;
          }
          const auto version = models.labelled(call.target);
          if (version) {
            call.target.version = *version;
            call.target.label.clear();
          } else {
            refusal = error_reply(protocol_of(call), version.error());
          }
        }
      },
      route);
  if (refusal) {
    route = *std::move(refusal);
  }
}

ClientReply answer_control_call(const Route& route, const ModelTable& models, bool draining) {
  return std::visit(
      Overloaded{
          [&](const ServerLiveCall&) { return health_reply(Health::yes); },
          [&](const ServerReadyCall&) {
            const bool ready = models.server_ready();
            return health_reply(health_of(ready, draining), ready ? "" : models.why_not_ready());
          },
          [&](const ServerMetadataCall&) { return server_metadata_reply(kVersion); },
          [&](const ModelMetadataCall& call) { return model_metadata(call.target, models); },
          [&](const ModelReadyCall& call) { return model_ready(call.target, models, draining); },
          [&](const GraphPipeJsonCall& call) { return graphpipe_json(call.target, models); },
          [&](const GraphPipeReadyCall& call) {
            return graphpipe_ready_reply(
                health_of(models.standing(call.target) == Standing::ready, draining));
          },
          [&](const GraphPipeAliveCall&) { return graphpipe_alive_reply(Health::yes); },
          [&](const ModelConfigCall& call) { return model_config(call.target, models); },
          [](const OperatorCall&) { return refusal_reply(500, "not a control call"); },
          [](const InferCall&) { return refusal_reply(500, "not a control call"); },
          [](const StatusCall&) { return refusal_reply(500, "not a control call"); },
          [](const ClientReply& reply) { return reply; }},
      route);
}

ClientReply answer_metadata_asked(const MetadataAsked& asked, const ModelTable& models) {
  const ModelInfo* info = models.find(asked.target);
  return info == nullptr ? error_reply(Protocol::graphpipe, refusal_for(asked.target, models))
                         : graphpipe_metadata_reply(*info, kVersion);
}

Error refusal_for(const ModelRef& target, const ModelTable& models) {
  switch (models.standing(target)) {
    case Standing::unknown:
      return unknown_model(target);
    case Standing::failed:
      return {ErrorCode::unavailable,
              "model '" + target.model + "' could not be loaded: " + models.failure(target)};
    case Standing::ready:
    case Standing::expected:
      break;
  }
  return version_not_ready(target);
}

}  // namespace sluice::gateway
