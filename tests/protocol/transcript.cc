#include "tests/protocol/transcript.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sluice::gateway {
namespace {

std::string bytes_of(std::string_view hex) {
  std::string out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') {
      continue;
    }
    digits += c;
    if (digits.size() == 2) {
      out += static_cast<char>(std::stoi(digits, nullptr, 16));
      digits.clear();
    }
  }
  if (!digits.empty()) {
    throw std::runtime_error("odd hex: " + std::string(hex));
  }
  return out;
}

Shape shape_of(const std::string& text) {
  Shape shape;
  std::istringstream in(text.substr(1, text.size() - 2));
  for (std::string extent; std::getline(in, extent, ',');) {
    shape.push_back(std::stoll(extent));
  }
  return shape;
}

NamedTensor tensor_of(const std::string& line) {
  std::istringstream in(line);
  NamedTensor tensor;
  std::string datatype;
  std::string shape;
  std::string hex;
  in >> tensor.name >> datatype >> shape;
  std::getline(in, hex);
  tensor.datatype = datatype_from_kserve(datatype).value_or(DataType::undefined);
  tensor.shape = shape_of(shape);
  tensor.data = Buffer::copy_of(std::string_view(bytes_of(hex)));
  return tensor;
}

void take_request_line(Transcript& transcript, const std::string& rest) {
  if (transcript.method.empty()) {
    const auto space = rest.find(' ');
    transcript.method = rest.substr(0, space);
    transcript.path = rest.substr(space + 1);
    return;
  }
  const auto colon = rest.find(": ");
  transcript.headers.emplace_back(rest.substr(0, colon), rest.substr(colon + 2));
}

void take_line(Transcript& transcript, const std::string& line) {
  const std::string mark = line.substr(0, line.find(' '));
  const std::string rest = line.size() > mark.size() ? line.substr(mark.size() + 1) : "";
  if (mark.empty() || mark.front() == '#') {
    return;
  }
  if (mark == ">") {
    take_request_line(transcript, rest);
  } else if (mark == ">|") {
    transcript.body += rest;
  } else if (mark == ">x") {
    transcript.body += bytes_of(rest);
  } else if (mark == "=") {
    transcript.meaning.push_back(rest);
  } else if (mark == "@") {
    transcript.outputs.push_back(tensor_of(rest));
  } else if (mark == "<") {
    transcript.reply_head.push_back(rest);
  } else if (mark == "<|") {
    transcript.reply_body += rest;
  } else if (mark == "<x") {
    transcript.reply_body += bytes_of(rest);
  } else {
    throw std::runtime_error(transcript.name + ": " + line);
  }
}

}  // namespace

Transcript read_transcript(const std::filesystem::path& file) {
  Transcript transcript;
  transcript.name = file.stem().string();
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    take_line(transcript, line);
  }
  return transcript;
}

std::vector<Transcript> read_transcripts(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  std::vector<Transcript> transcripts;
  transcripts.reserve(files.size());
  for (const auto& file : files) {
    transcripts.push_back(read_transcript(file));
  }
  return transcripts;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kHex[byte >> 4U], kHex[byte & 0x0FU]};
  }
  return out;
}

std::vector<std::string> dump(const InferRequest& request) {
  std::vector<std::string> lines;
  lines.push_back("model " + request.model +
                  (request.version ? " version " + std::to_string(*request.version) : ""));
  for (const NamedTensor& input : request.inputs) {
    lines.push_back("input " + input.name + " " + std::string(kserve_name_of(input.datatype)) +
                    " " + to_string(input.shape) + " " + hex_of(input.data.text()));
  }
  for (const std::string& output : request.outputs) {
    lines.push_back("output " + output);
  }
  if (request.timeout) {
    lines.push_back("timeout_us " + std::to_string(request.timeout->count() / 1000));
  }
  if (request.queue_timeout) {
    lines.push_back("queue_timeout_us " + std::to_string(request.queue_timeout->count() / 1000));
  }
  if (request.priority != 0) {
    lines.push_back("priority " + std::to_string(request.priority));
  }
  return lines;
}

const std::vector<ModelInfo>& transcript_models() {
  using enum DataType;
  static const std::vector<ModelInfo> models = [] {
    const auto model =
        [](const char* name, std::vector<ValueInfo> inputs, std::vector<ValueInfo> outputs) {
          return ModelInfo{.name = name,
                           .version = 1,
                           .platform = "onnx_onnxv1",
                           .description = "",
                           .inputs = std::move(inputs),
                           .outputs = std::move(outputs)};
        };
    std::vector<ValueInfo> kinds;
    for (const DataType type : {boolean,
                                uint8,
                                uint16,
                                uint32,
                                uint64,
                                int8,
                                int16,
                                int32,
                                int64,
                                float16,
                                float32,
                                float64,
                                string}) {
      kinds.push_back({std::string(name_of(type)), type, {-1}, true});
    }
    return std::vector<ModelInfo>{
        model("add",
              {{"a", float32, {-1, 4}, false}, {"b", float32, {-1, 4}, false}},
              {{"sum", float32, {-1, 4}, false}}),
        model("text", {{"words", string, {-1}, false}}, {{"words_out", string, {-1}, false}}),
        model("half", {{"x", float16, {-1, 2}, false}}, {{"y", float16, {-1, 2}, false}}),
        model("scalar", {{"x", float32, {}, false}}, {{"y", float32, {}, false}}),
        model("image",
              {{"pixels", uint8, {-1, -1, 3}, false}},
              {{"scores", float32, {-1, 3}, false}}),
        model("kinds", kinds, kinds),
    };
  }();
  return models;
}

const ModelInfo* transcript_model(std::string_view name) {
  const auto& models = transcript_models();
  const auto model = std::ranges::find(models, name, &ModelInfo::name);
  return model == models.end() ? nullptr : &*model;
}

const ClassLabels& transcript_labels() {
  static const ClassLabels labels(
      std::vector<OutputLabels>{{.output = "scores", .lines = "tabby cat\n\n\"dog\": one"}});
  return labels;
}

}  // namespace sluice::gateway
