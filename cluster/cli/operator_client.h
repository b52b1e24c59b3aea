// The calls of docs/protocols/admin.md, from the command line's side.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/infer/http_client.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace sluice::cluster {

// What `sluice rollout` was told; forms the body of the call.
struct RolloutWish {
  std::string model;
  std::string to;  // a version, or "policy"
  std::optional<std::string> strategy{};
  std::vector<int> steps{};
  std::optional<Duration> hold{};
  std::optional<Duration> keep_old{};
  bool allow_signature_change = false;
};

std::string rollout_body(const RolloutWish& wish);
std::string load_body(const std::optional<std::string>& config);

// "/sluice/models/NAME" + suffix and "/v2/repository/models/NAME" + suffix, percent-encoded.
std::string sluice_path(const std::string& model, const std::string& suffix);
std::string repository_path(const std::string& model, const std::string& suffix);

class OperatorClient {
 public:
  // `patience`: for each call as a whole.
  static Result<OperatorClient> open(const std::string& url, Duration patience);

  // The answer's body; the server's own words when it refuses.
  Result<std::string> get(const std::string& path);
  Result<std::string> post(const std::string& path, const std::string& body);
  // What comes bit by bit, however long that lasts, until it ends or `on_bytes` returns false.
  Result<void> follow(const std::string& path,
                      const std::function<bool(std::string_view)>& on_bytes);

 private:
  explicit OperatorClient(HttpClient client) : client_(std::move(client)) {}

  HttpClient client_;
};

}  // namespace sluice::cluster
