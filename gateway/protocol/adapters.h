// The protocols a listener can speak: which request means what (parse_route), and one Adapter per
// inference protocol between bytes and InferRequest/InferResponse.
//
// Everything here is pure: no sockets, threads, clock or logging, and safe on hostile bytes. How a
// shard uses it:
//
//   Route route = parse_route(message, options);          // InferCall, a control call, or an
//   answer auto decoded = call.adapter->decode(message, call, model_info);     // error:
//   encode_error validate(std::get<InferRequest>(decoded->call), *model_info);       // error:
//   encode_error
//   ... worker ...
//   ClientReply reply = call.adapter->encode(response, decoded->hints, labels);
//
// Control calls are answered with the functions of control_replies.h.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/control/admin.h"
#include "gateway/protocol/class_labels.h"
#include "gateway/protocol/message.h"
#include "gateway/protocol/reply_hints.h"

namespace sluice::gateway {

struct Adapter;

// --- what a request asks for ---------------------------------------------------------------------

// A model as a path names it: the name percent-decoded and checked (1..kNameBytes bytes of UTF-8,
// no control bytes, no '/', not "." or ".."), the version any non-negative int64.
struct ModelRef {
  std::string model;
  std::optional<std::int64_t> version{};  // absent: any version that is routed to
  // Not empty: the version is the one that this label leads to now. Whoever knows the labels puts
  // it in and empties this before anything else is done with it; checked like a name.
  std::string label{};

  friend bool operator==(const ModelRef&, const ModelRef&) = default;
};

// The body is the adapter's to decode. By GraphPipe it may turn out to ask for metadata.
struct InferCall {
  const Adapter* adapter = nullptr;  // one of adapters(); lives for ever
  ModelRef target;
};

// GET /v2/health/live, /v2/health/ready, /v2, /sluice/status.
struct ServerLiveCall {};
struct ServerReadyCall {};
struct ServerMetadataCall {};
struct StatusCall {};

// GET /v2/models/M[/versions/N]
struct ModelMetadataCall {
  ModelRef target;
};

// GET /v2/models/M[/versions/N]/ready
struct ModelReadyCall {
  ModelRef target;
};

// GET /v2/models/M[/versions/N]/config
struct ModelConfigCall {
  ModelRef target;
};

// What control answers: the repository API and /sluice/models...
struct OperatorCall {
  AdminRequest request;
};

// GET of a GraphPipe root: metadata as JSON.
struct GraphPipeJsonCall {
  ModelRef target;
};

// control/is_ready and control/is_alive under a GraphPipe root, by any method.
struct GraphPipeReadyCall {
  ModelRef target;
};
struct GraphPipeAliveCall {};

// A ClientReply is the finished refusal: 404 unknown path, 405 wrong method, 400 bad name or admin
// body, 413 admin body too large, 501 a part of a protocol that this server does not offer.
using Route = std::variant<InferCall,
                           ServerLiveCall,
                           ServerReadyCall,
                           ServerMetadataCall,
                           ModelMetadataCall,
                           ModelReadyCall,
                           ModelConfigCall,
                           OperatorCall,
                           GraphPipeJsonCall,
                           GraphPipeReadyCall,
                           GraphPipeAliveCall,
                           StatusCall,
                           ClientReply>;

struct RouteOptions {
  // Not empty: this listener speaks GraphPipe alone, for this model, at every path. Empty: the main
  // port, where GraphPipe is under /graphpipe/MODEL[/versions/N or /labels/L].
  std::string graphpipe_model;
};

// Paths match whole and case-sensitively; the query is ignored.
Route parse_route(const ClientMessage& message, const RouteOptions& options);

// --- inference -----------------------------------------------------------------------------------

// A GraphPipe body that asked for metadata: answer with graphpipe_metadata of control_replies.h.
struct MetadataAsked {
  ModelRef target;
};

struct Decoded {
  std::variant<InferRequest, MetadataAsked> call;
  ReplyHints hints;
};

struct Adapter {
  std::string_view name;  // "kserve_v2", "graphpipe": also the label in metrics

  // `model` is what is known of the version (of any version when the call names none), null when
  // nothing is; decode needs it for what a protocol leaves unsaid (a raw body's shape, GraphPipe's
  // missing bool) and without it refuses just those. Binary tensors are slices of the message's
  // body, with any alignment. The request still has to pass validate().
  Result<Decoded> (*decode)(const ClientMessage& message,
                            const InferCall& call,
                            const ModelInfo* model);

  // Outputs that cannot be put in the wanted form (or are inconsistent) become an error answer.
  // `labels`: of the version that answered, for protocols that can ask for classes.
  ClientReply (*encode)(const InferResponse& response,
                        const ReplyHints& hints,
                        const ClassLabels& labels);

  // `hints` may be empty: decode failed before it knew any.
  ClientReply (*encode_error)(const Error& error, const ReplyHints& hints);
};

// Every adapter, in the order of docs/protocols.
std::span<const Adapter> adapters() noexcept;

const Adapter& kserve_v2_adapter() noexcept;
const Adapter& graphpipe_adapter() noexcept;

}  // namespace sluice::gateway
