#include "cluster/cli/operator_client.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "cluster/infer/v2_client.h"
#include "gateway/protocol/text.h"

namespace sluice::cluster {
namespace {

using Json = nlohmann::json;

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

Result<std::string> body_of(Result<HttpAnswer> answer) {
  if (!answer) {
    return std::move(answer).error();
  }
  if (answer->status != 200) {
    return decode_error(answer->status, answer->body.text());
  }
  return std::string(answer->body.text());
}

}  // namespace

std::string rollout_body(const RolloutWish& wish) {
  Json body{{"to", wish.to}};
  if (wish.strategy) {
    body["strategy"] = *wish.strategy;
  }
  if (!wish.steps.empty()) {
    body["steps"] = wish.steps;
  }
  if (wish.hold) {
    body["hold_ms"] = milliseconds(*wish.hold);
  }
  if (wish.keep_old) {
    body["keep_old_ms"] = milliseconds(*wish.keep_old);
  }
  if (wish.allow_signature_change) {
    body["allow_signature_change"] = true;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string load_body(const std::optional<std::string>& config) {
  if (!config) {
    return {};
  }
  return Json{{"parameters", {{"config", *config}}}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

std::string sluice_path(const std::string& model, const std::string& suffix) {
  return "/sluice/models/" + gateway::percent_encoded(model) + suffix;
}

std::string repository_path(const std::string& model, const std::string& suffix) {
  return "/v2/repository/models/" + gateway::percent_encoded(model) + suffix;
}

Result<OperatorClient> OperatorClient::open(const std::string& url, Duration patience) {
  SLUICE_TRY_ASSIGN(HttpClient client, HttpClient::open(url, patience));
  return OperatorClient(std::move(client));
}

Result<std::string> OperatorClient::get(const std::string& path) {
  return body_of(client_.get(path));
}

Result<std::string> OperatorClient::post(const std::string& path, const std::string& body) {
  return body_of(client_.post_json(path, body));
}

Result<void> OperatorClient::follow(const std::string& path,
                                    const std::function<bool(std::string_view)>& on_bytes) {
  SLUICE_TRY(body_of(client_.follow(path, on_bytes)));
  return {};
}

}  // namespace sluice::cluster
