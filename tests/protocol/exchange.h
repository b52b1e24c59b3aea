// One request through the adapters, as a server would answer it whose models are those of
// transcript.h, all ready in version 1.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/link/infer.h"
#include "gateway/protocol/adapters.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

// What a worker does: the outputs of a request that passed validate().
using Work = std::function<std::vector<NamedTensor>(const InferRequest&)>;

struct Outcome {
  std::vector<std::string> meaning;  // dump() of the request; empty when it was refused
  ClientReply reply;
};

Outcome exchange(const ClientMessage& message, const RouteOptions& options, const Work& work);

}  // namespace sluice::gateway
