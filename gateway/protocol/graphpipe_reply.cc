// The answer of an inference as a GraphPipe InferResponse.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/graphpipe.h"
#include "gateway/protocol/graphpipe_build.h"
#include "gateway/protocol/graphpipe_types.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/protocol/tensor_bytes.h"

namespace sluice::gateway::graphpipe {
namespace {

// Room for what is not data: a FlatBuffer ends at 2 GiB.
constexpr std::size_t kMostData = std::size_t{1} << 30U;

// Clients read type, shape and data of every tensor without asking whether they are there.
flatbuffers::Offset<wire::Tensor> build_tensor(flatbuffers::FlatBufferBuilder& builder,
                                               const NamedTensor& tensor) {
  flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> data;
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>> strings;
  if (tensor.datatype == DataType::string) {
    std::vector<flatbuffers::Offset<flatbuffers::String>> elements;
    std::size_t at = 0;
    while (at < tensor.data.size()) {
      const std::string_view element = string_element(tensor.data.bytes(), at);
      elements.push_back(builder.CreateString(element.data(), element.size()));  // NUL-terminated
    }
    strings = builder.CreateVector(elements);
  } else {
    builder.ForceVectorAlignment(tensor.data.size(), 1, 8);  // readers may use it in place
    data = builder.CreateVector(as_uint8(tensor.data), tensor.data.size());
  }
  const auto shape = builder.CreateVector(tensor.shape);
  const auto type = static_cast<wire::Type>(type_of(tensor.datatype));
  return wire::CreateTensor(builder, type, shape, data, strings);
}

Result<std::size_t> check_outputs(const InferResponse& response) {
  std::size_t size = 0;
  for (const NamedTensor& output : response.outputs) {
    SLUICE_TRY(check_output(output));
    if (type_of(output.datatype) == kNull) {
      return Error{ErrorCode::unsupported,
                   "output '" + output.name + "' is " + std::string(name_of(output.datatype)) +
                       ", for which GraphPipe has no type; ask by KServe v2"};
    }
    size += output.data.size();
    if (size > kMostData) {
      return Error{ErrorCode::resource_exhausted,
                   "the outputs are too large for one FlatBuffer; ask by KServe v2"};
    }
  }
  return size;
}

}  // namespace

ClientReply encode(const InferResponse& response,
                   const ReplyHints& hints,
                   const ClassLabels& /*labels*/) {
  const auto size = check_outputs(response);
  if (!size) {
    return encode_error(size.error(), hints);
  }
  flatbuffers::FlatBufferBuilder builder(*size + 1024);
  std::vector<flatbuffers::Offset<wire::Tensor>> tensors;
  tensors.reserve(response.outputs.size());
  for (const NamedTensor& output : response.outputs) {
    tensors.push_back(build_tensor(builder, output));
  }
  builder.Finish(wire::CreateInferResponse(builder, builder.CreateVector(tensors)));
  ClientReply reply = flatbuffer_reply(builder);
  add_model_header(reply, response.model, response.version);
  return reply;
}

}  // namespace sluice::gateway::graphpipe
