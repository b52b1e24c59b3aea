// Answers to every call that is not an inference, from what the shard knows. Pure.

#pragma once

#include "gateway/protocol/adapters.h"
#include "gateway/protocol/message.h"
#include "gateway/route/model_table.h"

namespace sluice::gateway {

// Puts the version that a label leads to in its place. A route that names an unknown label becomes
// the finished refusal.
void settle_label(Route& route, const ModelTable& models);

// `route` must not be an InferCall, a StatusCall, an OperatorCall or a finished ClientReply.
ClientReply answer_control_call(const Route& route, const ModelTable& models, bool draining);

// A GraphPipe body that asked for metadata.
ClientReply answer_metadata_asked(const MetadataAsked& asked, const ModelTable& models);

// Why a request for this model cannot be taken: unknown, failed, or not ready yet. Call it when the
// dispatcher knows no such model or version.
Error refusal_for(const ModelRef& target, const ModelTable& models);

}  // namespace sluice::gateway
