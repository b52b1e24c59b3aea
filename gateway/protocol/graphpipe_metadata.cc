// GraphPipe's two forms of a model's metadata.

#include <string>
#include <utility>
#include <vector>

#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/graphpipe_build.h"
#include "gateway/protocol/graphpipe_types.h"
#include "gateway/protocol/json_writer.h"

namespace sluice::gateway {
namespace {

namespace wire = graphpipe::wire;

std::string server_text(std::string_view version) {
  return "sluice " + std::string(version);
}

std::string description_of(const ModelInfo& model) {
  return model.description.empty() ? "served by sluice" : model.description;
}

// What the type alone does not tell.
std::string_view description_of(const ValueInfo& value) {
  switch (value.datatype) {
    case DataType::boolean:
      return "bool as Uint8: 0 or 1";
    case DataType::bfloat16:
      return "bfloat16, which GraphPipe cannot carry";
    default:
      return "";
  }
}

using Values = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::IOMetadata>>>;

// Clients read every field of every entry without asking whether it is there.
Values build_values(flatbuffers::FlatBufferBuilder& builder, const std::vector<ValueInfo>& values) {
  std::vector<flatbuffers::Offset<wire::IOMetadata>> entries;
  entries.reserve(values.size());
  for (const ValueInfo& value : values) {
    const std::string_view text = description_of(value);
    const auto name = builder.CreateString(value.name);
    const auto description = builder.CreateString(text.data(), text.size());
    const auto shape = builder.CreateVector(value.shape);
    const auto type = static_cast<wire::Type>(graphpipe::type_of(value.datatype));
    entries.push_back(wire::CreateIOMetadata(builder, name, description, shape, type));
  }
  return builder.CreateVector(entries);
}

// As Go's encoding/json does it, which the reference server uses.
void append_go_string(std::string& out, std::string_view text) {
  std::string plain;
  append_json_string(plain, text);
  for (const char c : plain) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
}

void append_member(std::string& out, const char* indent, const char* key, std::string_view text) {
  out += std::string(indent) + '"' + key + "\": ";
  append_go_string(out, text);
  out += ",\n";
}

void append_shape(std::string& out, const Shape& shape) {
  out += "            \"Shape\": [";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "\n                " : ",\n                ") + std::to_string(shape[i]);
  }
  out += shape.empty() ? "],\n" : "\n            ],\n";
}

void append_values(std::string& out, const char* key, const std::vector<ValueInfo>& values) {
  out += std::string("    \"") + key + "\": [";
  for (const ValueInfo& value : values) {
    out += &value == values.data() ? "\n        {\n" : ",\n        {\n";
    append_member(out, "            ", "Name", value.name);
    append_member(out, "            ", "Description", description_of(value));
    append_shape(out, value.shape);
    out += "            \"Type\": " + std::to_string(graphpipe::type_of(value.datatype)) +
           "\n        }";
  }
  out += values.empty() ? "]" : "\n    ]";
}

}  // namespace

ClientReply graphpipe_metadata_reply(const ModelInfo& model, std::string_view server_version) {
  flatbuffers::FlatBufferBuilder builder(1024);
  const auto name = builder.CreateString(model.name);
  const auto version = builder.CreateString(std::to_string(model.version));
  const auto server = builder.CreateString(server_text(server_version));
  const auto description = builder.CreateString(description_of(model));
  const Values inputs = build_values(builder, model.inputs);
  const Values outputs = build_values(builder, model.outputs);
  builder.Finish(
      wire::CreateMetadataResponse(builder, name, version, server, description, inputs, outputs));
  return graphpipe::flatbuffer_reply(builder);
}

ClientReply graphpipe_json_reply(const ModelInfo& model, std::string_view server_version) {
  std::string out = "{\n";
  append_member(out, "    ", "Name", model.name);
  append_member(out, "    ", "Version", std::to_string(model.version));
  append_member(out, "    ", "Server", server_text(server_version));
  append_member(out, "    ", "Description", description_of(model));
  append_values(out, "Inputs", model.inputs);
  out += ",\n";
  append_values(out, "Outputs", model.outputs);
  return json_reply(out + "\n}");
}

}  // namespace sluice::gateway
