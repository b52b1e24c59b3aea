// What the fuzz targets of the adapters share: decode, validate, and answer with the inputs.

#pragma once

#include <optional>
#include <span>
#include <utility>

#include "common/base/check.h"
#include "gateway/protocol/adapters.h"
#include "tests/protocol/transcript.h"

namespace sluice::gateway {

inline void fuzz_call(const Adapter& adapter,
                      const ClientMessage& message,
                      const ModelInfo* model) {
  const InferCall call{.adapter = &adapter,
                       .target = {model == nullptr ? "m" : model->name, std::nullopt}};
  auto decoded = adapter.decode(message, call, model);
  if (!decoded) {
    SLUICE_CHECK(!decoded.error().detail.empty());
    const ClientReply reply = adapter.encode_error(decoded.error(), {});
    SLUICE_CHECK(reply.status >= 400 && reply.body.size() == 1);
    return;
  }
  auto* request = std::get_if<InferRequest>(&decoded->call);
  if (request == nullptr) {
    return;
  }
  std::size_t size = 0;
  for (const NamedTensor& input : request->inputs) {
    size += input.data.size();
  }
  SLUICE_CHECK(size <= 4 * message.body.size() + 64);  // no amplification beyond text to numbers
  if (model == nullptr || !validate(*request, *model)) {
    return;
  }
  // A worker that sends its inputs back; only "kinds" has outputs of those names, which is fine.
  const InferResponse response{
      .model = model->name, .version = 1, .outputs = std::move(request->inputs), .timing = {}};
  const ClientReply reply = adapter.encode(response, decoded->hints, transcript_labels());
  SLUICE_CHECK(reply.status == 200 || reply.status >= 400);
}

// Without a model and with each of the transcripts'.
inline void fuzz_calls(const Adapter& adapter, const ClientMessage& message) {
  fuzz_call(adapter, message, nullptr);
  for (const ModelInfo& model : transcript_models()) {
    fuzz_call(adapter, message, &model);
  }
}

// A body of exactly these bytes, so that the sanitizer sees every read beyond them.
inline Buffer exact_body(std::span<const std::uint8_t> bytes) {
  return Buffer::copy_of(std::as_bytes(bytes));
}

}  // namespace sluice::gateway
