#include "cluster/serve/curl_line.h"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace sluice::cluster {

namespace {

using Json = nlohmann::json;

// More values than this are left to the shell to print.
constexpr std::int64_t kWrittenOut = 256;
constexpr std::int64_t kMostValues = 100'000'000;

struct Input {
  std::string name;
  std::string datatype;
  std::string shape;  // "[1,8,8]"
  std::string zero;
  std::int64_t count = 1;
};

Result<Input> read_input(const Json& json) {
  const Error wrong{ErrorCode::data_corrupt, "the model's metadata is not as expected"};
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string() ||
      !json.contains("datatype") || !json["datatype"].is_string() || !json.contains("shape") ||
      !json["shape"].is_array()) {
    return wrong;
  }
  Input input;
  input.name = json["name"].dump();  // quoted and escaped
  input.datatype = json["datatype"].get<std::string>();
  input.zero = input.datatype == "BYTES" ? "\"\"" : input.datatype == "BOOL" ? "false" : "0";
  Json shape = Json::array();
  for (const Json& extent : json["shape"]) {
    if (!extent.is_number_integer()) {
      return wrong;
    }
    const std::int64_t given = extent.get<std::int64_t>();
    const std::int64_t chosen = given < 0 ? 1 : given;
    if (chosen > kMostValues || input.count * chosen > kMostValues) {
      return wrong;
    }
    input.count *= chosen;
    shape.push_back(chosen);
  }
  input.shape = shape.dump();
  return input;
}

std::string head_of(const Input& input) {
  return "{\"name\":" + input.name + ",\"shape\":" + input.shape + ",\"datatype\":\"" +
         input.datatype + "\",\"data\":[";
}

std::string written_out(const Input& input) {
  std::string text = head_of(input);
  for (std::int64_t i = 0; i < input.count; ++i) {
    text += (i > 0 ? "," : "") + input.zero;
  }
  return text + "]}";
}

// In single quotes for a POSIX shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

// Commands that print the input, large data by `yes`.
std::string printed_by_shell(const Input& input) {
  if (input.count <= kWrittenOut) {
    return "printf %s " + quoted(written_out(input));
  }
  return "printf %s " + quoted(head_of(input)) + "; yes " + quoted(input.zero + ",") +
         " | head -n " + std::to_string(input.count - 1) + " | tr -d '\\n'; printf %s " +
         quoted(input.zero + "]}");
}

}  // namespace

Result<std::string> curl_line(const std::string& url,
                              const std::string& model,
                              std::string_view metadata) {
  const Json json = Json::parse(metadata, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("inputs") || !json["inputs"].is_array()) {
    return Error{ErrorCode::data_corrupt, "the model's metadata is not as expected"};
  }
  const std::string target = " " + url + "/v2/models/" + model + "/infer -d ";
  std::string body;
  std::string commands;
  bool large = false;
  for (const Json& each : json["inputs"]) {
    SLUICE_TRY_ASSIGN(const Input input, read_input(each));
    large = large || input.count > kWrittenOut;
    body += (body.empty() ? "" : ",") + (large ? std::string() : written_out(input));
    commands += (commands.empty() ? "" : "; printf ,; ") + printed_by_shell(input);
  }
  if (!large) {
    return "curl -s" + target + quoted("{\"inputs\":[" + body + "]}");
  }
  return "{ printf %s " + quoted("{\"inputs\":[") + "; " + commands + "; printf %s " +
         quoted("]}") + "; } | curl -s" + target + "@-";
}

}  // namespace sluice::cluster
