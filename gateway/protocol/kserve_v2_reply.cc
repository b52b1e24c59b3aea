// The answer of an inference in KServe v2: JSON, and behind it the outputs wanted as bytes.

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/protocol/classification.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/json_writer.h"
#include "gateway/protocol/kserve_v2.h"
#include "gateway/protocol/kserve_v2_data.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/protocol/tensor_bytes.h"

namespace sluice::gateway::kserve_v2 {
namespace {

// Of output `index`: workers answer in the order that was asked, but the name decides.
const OutputForm& form_of(const ReplyHints& hints,
                          const NamedTensor& output,
                          std::size_t index,
                          const OutputForm& unnamed) {
  if (index < hints.outputs.size() && hints.outputs[index].name == output.name) {
    return hints.outputs[index];
  }
  const auto form = std::ranges::find(hints.outputs, output.name, &OutputForm::name);
  return form != hints.outputs.end() ? *form : unnamed;
}

void append_head(std::string& json, const InferResponse& response, const ReplyHints& hints) {
  json += '{';
  if (!hints.id.empty()) {
    json += "\"id\":";
    append_json_string(json, hints.id);
    json += ',';
  }
  json += "\"model_name\":";
  append_json_string(json, response.model);
  json += ",\"model_version\":\"";
  append_json_integer(json, response.version);
  json += "\",\"outputs\":[";
}

Result<void> append_tensor(std::string& json,
                           std::vector<Buffer>& blobs,
                           const NamedTensor& output,
                           bool binary) {
  json += "{\"name\":";
  append_json_string(json, output.name);
  json += ",\"datatype\":\"";
  json += kserve_name_of(output.datatype);
  json += "\",\"shape\":[";
  for (const std::int64_t& extent : output.shape) {
    if (&extent != output.shape.data()) {
      json += ',';
    }
    append_json_integer(json, extent);
  }
  if (binary) {
    json += "],\"parameters\":{\"binary_data_size\":";
    append_json_integer(json, static_cast<std::uint64_t>(output.data.size()));
    json += "}}";
    blobs.push_back(output.data);
    return {};
  }
  json += "],\"data\":";
  SLUICE_TRY(append_data(json, output));
  json += '}';
  return {};
}

Result<void> append_output(std::string& json,
                           std::vector<Buffer>& blobs,
                           const NamedTensor& output,
                           const OutputForm& form,
                           const ClassLabels& labels) {
  SLUICE_TRY(check_output(output));
  if (form.classes == 0) {
    return append_tensor(json, blobs, output, form.binary);
  }
  SLUICE_TRY_ASSIGN(const NamedTensor classes, best_classes(output, form, labels.of(output.name)));
  return append_tensor(json, blobs, classes, form.binary);
}

}  // namespace

ClientReply encode(const InferResponse& response,
                   const ReplyHints& hints,
                   const ClassLabels& labels) {
  std::string json;
  json.reserve(512);  // a small answer's size; numbers grow it by doubling
  std::vector<Buffer> blobs;
  const OutputForm unnamed{.name = {}, .binary = hints.binary};
  append_head(json, response, hints);
  for (std::size_t i = 0; i < response.outputs.size(); ++i) {
    json += i == 0 ? "" : ",";
    const NamedTensor& output = response.outputs[i];
    const OutputForm& form = form_of(hints, output, i, unnamed);
    if (auto done = append_output(json, blobs, output, form, labels); !done) {
      return encode_error(done.error(), hints);
    }
  }
  json += "]}";
  ClientReply reply{.content_type = "application/json"};
  add_model_header(reply, response.model, response.version);
  // Triton's rule: an answer whose binary outputs are all empty is plain JSON.
  const bool binary = std::ranges::any_of(blobs, [](const Buffer& blob) { return !blob.empty(); });
  if (binary) {
    reply.content_type = "application/octet-stream";
    reply.headers.emplace_back(kHeaderLength, std::to_string(json.size()));
  }
  reply.body.reserve(1 + blobs.size());
  reply.body.push_back(Buffer::from_string(std::move(json)));
  if (binary) {
    std::ranges::move(blobs, std::back_inserter(reply.body));
  }
  return reply;
}

}  // namespace sluice::gateway::kserve_v2
