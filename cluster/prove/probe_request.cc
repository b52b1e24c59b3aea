#include "cluster/prove/probe_request.h"

#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "cluster/infer/v2_client.h"
#include "common/base/check.h"

namespace sluice::cluster {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kIdDigits = 16;

Error corrupt(std::string what) {
  return Error{ErrorCode::data_corrupt, "the server's answer: " + std::move(what)};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

ProbeRequest::ProbeRequest(const InferRequest& request, std::string_view host) {
  const EncodedRequest encoded = encode_request(request);
  SLUICE_CHECK(encoded.body.size() > 2 && encoded.body.front() == '{');
  const std::string open = "{\"id\":\"";
  std::string body = open + std::string(kIdDigits, '0') + "\",";
  const std::size_t more = body.size() - 1;
  body.append(encoded.body, 1);
  body_size_ = body.size();
  bytes_ = "POST " + model_path(request.model, std::nullopt) + "/infer HTTP/1.1\r\nHost: ";
  bytes_ += host;
  bytes_ += "\r\nContent-Type: application/octet-stream\r\nInference-Header-Content-Length: " +
            std::to_string(encoded.json_size + more) +
            "\r\nContent-Length: " + std::to_string(body_size_) + "\r\n\r\n";
  id_at_ = bytes_.size() + open.size();
  bytes_ += body;
}

std::string_view ProbeRequest::with_id(std::uint64_t id) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = 0; i < kIdDigits; ++i) {
    bytes_[id_at_ + i] = kHex[id >> (4 * (kIdDigits - 1 - i)) & 0xfU];
  }
  return bytes_;
}

Result<Identity> identity_of(const AnswerView& answer) {
  const std::size_t size = answer.json_size.value_or(answer.body.size());
  if (size > answer.body.size()) {
    return corrupt("Inference-Header-Content-Length is larger than the body");
  }
  const std::string_view text = answer.body.substr(0, size);
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) {
    return corrupt("not a JSON object");
  }
  const auto id = number<std::uint64_t>(text_of(json, "id"), 16);
  if (!id) {
    return corrupt("no id, or none of ours");
  }
  const std::string version_text = text_of(json, "model_version");
  const auto version = number<std::int64_t>(version_text, 10);
  Identity identity{*id, text_of(json, "model_name"), version.value_or(0)};
  if (!version || identity.model.empty()) {
    return corrupt("no model_name or no model_version");
  }
  if (answer.served_by != identity.model + "/" + version_text) {
    return corrupt("header Sluice-Model '" + std::string(answer.served_by.substr(0, 80)) +
                   "', body " + identity.model + "/" + version_text);
  }
  return identity;
}

std::string refusal_of(const AnswerView& answer) {
  const Json json = Json::parse(answer.body.begin(), answer.body.end(), nullptr, false);
  return json.is_object() ? text_of(json, "error") : std::string();
}

}  // namespace sluice::cluster
