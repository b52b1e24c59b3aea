#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "common/base/overloaded.h"
#include "gateway/protocol/adapters.h"

namespace sluice::gateway {
namespace {

std::string named(const ModelRef& target) {
  return target.model + (target.version ? "/" + std::to_string(*target.version) : "") +
         (target.label.empty() ? "" : "@" + target.label);
}

std::string asked(const AdminRequest& request) {
  return std::visit(
      Overloaded{
          [](const IndexAsked& a) { return std::string(a.ready_only ? "index ready" : "index"); },
          [](const LoadAsked& a) { return "load " + a.model; },
          [](const UnloadAsked& a) { return "unload " + a.model; },
          [](const RolloutAsked& a) {
            return "rollout " + a.model + " " + (a.to ? std::to_string(*a.to) : "policy");
          },
          [](const RolloutLook& a) { return "look " + a.model; },
          [](const RolloutControl& a) {
            constexpr const char* kVerbs[] = {"pause ", "resume ", "abort ", "rollback "};
            return kVerbs[static_cast<int>(a.verb)] + a.model;
          },
          [](const ModelsAsked&) { return std::string("models"); },
          [](const EventsAsked& a) { return "events " + a.model; },
      },
      request);
}

// One word for what a request is taken as.
std::string route(std::string_view method,
                  std::string_view path,
                  const RouteOptions& options = {},
                  std::string_view body = {}) {
  ClientMessage message;
  message.body = Buffer::copy_of(body);
  message.method = method;
  message.path = path;
  message.query = "ignored=yes";
  return std::visit(
      Overloaded{
          [](const InferCall& c) { return std::string(c.adapter->name) + " " + named(c.target); },
          [](const ServerLiveCall&) { return std::string("live"); },
          [](const ServerReadyCall&) { return std::string("ready"); },
          [](const ServerMetadataCall&) { return std::string("server"); },
          [](const ModelMetadataCall& c) { return "metadata " + named(c.target); },
          [](const ModelReadyCall& c) { return "ready " + named(c.target); },
          [](const ModelConfigCall& c) { return "config " + named(c.target); },
          [](const OperatorCall& c) { return asked(c.request); },
          [](const GraphPipeJsonCall& c) { return "json " + named(c.target); },
          [](const GraphPipeReadyCall& c) { return "is_ready " + named(c.target); },
          [](const GraphPipeAliveCall&) { return std::string("is_alive"); },
          [](const StatusCall&) { return std::string("status"); },
          [](const ClientReply& r) { return std::to_string(r.status); },
      },
      parse_route(message, options));
}

TEST(Routes, match_whole_paths_and_their_methods) {
  const struct {
    const char* method;
    const char* path;
    const char* route;
  } rows[] = {
      {"GET", "/v2", "server"},
      {"GET", "/v2/health/live", "live"},
      {"GET", "/v2/health/ready", "ready"},
      {"GET", "/v2/models/m", "metadata m"},
      {"GET", "/v2/models/m/versions/3", "metadata m/3"},
      {"GET", "/v2/models/m/ready", "ready m"},
      {"GET", "/v2/models/m/versions/007/ready", "ready m/7"},
      {"POST", "/v2/models/m/infer", "kserve_v2 m"},
      {"POST", "/v2/models/m/versions/0/infer", "kserve_v2 m/0"},
      {"POST",
       "/v2/models/m/versions/9223372036854775807/infer",
       "kserve_v2 m/9223372036854775807"},
      {"POST", "/v2/models/versions/infer", "kserve_v2 versions"},
      {"POST", "/v2/models/a%20b%c3%a4/infer", "kserve_v2 a b\u00e4"},
      {"POST", "/v2/models/m/labels/canary/infer", "kserve_v2 m@canary"},
      {"GET", "/v2/models/m/labels/a%2fb", "metadata m@a/b"},
      {"GET", "/v2/models/m/labels/stable/ready", "ready m@stable"},
      {"GET", "/v2/models/labels/labels/x/config", "config labels@x"},
      {"GET", "/v2/models/m/config", "config m"},
      {"GET", "/v2/models/m/versions/2/config", "config m/2"},
      {"POST", "/graphpipe/m/labels/stable", "graphpipe m@stable"},
      {"GET", "/graphpipe/m/labels/stable/control/is_ready", "is_ready m@stable"},
      {"POST", "/v2/repository/index", "index"},
      {"POST", "/v2/repository/any/index", "index"},
      {"POST", "/v2/repository/models/index", "index"},
      {"POST", "/v2/repository/models/m/load", "load m"},
      {"POST", "/v2/repository/models/a%20b/unload", "unload a b"},
      {"GET", "/sluice/models", "models"},
      {"GET", "/sluice/models/m/rollout", "look m"},
      {"POST", "/sluice/models/m/rollout/pause", "pause m"},
      {"POST", "/sluice/models/pause/rollout/resume", "resume pause"},
      {"POST", "/sluice/models/m/rollout/abort", "abort m"},
      {"POST", "/sluice/models/m/rollback", "rollback m"},
      {"GET", "/sluice/status", "status"},
      {"GET", "/sluice/events", "events "},
      {"GET", "/sluice/models/m/events", "events m"},
      {"GET", "/sluice/models/events/rollout", "look events"},
      {"GET", "/graphpipe/m", "json m"},
      {"GET", "/graphpipe/m/versions/2", "json m/2"},
      {"POST", "/graphpipe/m", "graphpipe m"},
      {"PUT", "/graphpipe/m/versions/2", "graphpipe m/2"},
      {"GET", "/graphpipe/m/control/is_ready", "is_ready m"},
      {"POST", "/graphpipe/m/versions/2/control/is_ready", "is_ready m/2"},
      {"GET", "/graphpipe/m/control/is_alive", "is_alive"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(route(row.method, row.path), row.route) << row.method << " " << row.path;
  }
}

TEST(Routes, refuse_everything_else_with_the_right_status) {
  const std::string long_name(limits::kNameBytes + 1, 'n');
  const struct {
    const char* method;
    std::string path;
    const char* status;
  } rows[] = {
      {"GET", "", "404"},
      {"GET", "*", "404"},
      {"GET", "/", "404"},
      {"GET", "/v2/", "404"},
      {"GET", "/V2", "404"},
      {"GET", "/v2x", "404"},
      {"GET", "//v2", "404"},
      {"GET", "/v2/health", "404"},
      {"GET", "/v2/health/live/", "404"},
      {"GET", "/v2/models", "404"},
      {"GET", "/v2/models/m/", "404"},
      {"GET", "/v2/models/m/versions", "404"},
      {"GET", "/v2/models/m/versions/", "404"},
      {"GET", "/v2/models/m/versions/1x", "404"},
      {"GET", "/v2/models/m/versions/-1", "404"},
      {"GET", "/v2/models/m/versions/+1", "404"},
      {"GET", "/v2/models/m/versions/1/infer/x", "404"},
      {"GET", "/v2/models/m/version/1", "404"},
      {"GET", "/v2/models/m/versions/1/trace/setting", "404"},
      {"GET", "/v2/a/b/c/d/e/f/g/h/i/j/k", "404"},
      {"GET", "/graphpipe", "404"},
      {"GET", "/graphpipe/m/x", "404"},
      {"GET", "/graphpipe/m/control/shutdown", "404"},
      {"GET", "/sluice", "404"},
      {"GET", "/sluice/status/", "404"},
      {"POST", "/sluice/events", "405"},
      {"GET", "/sluice/events/m", "404"},
      {"POST", "/sluice/models/m/events", "405"},
      {"GET", "/sluice/models/m/events/1", "404"},
      {"POST", "/v2", "405"},
      {"HEAD", "/v2/models/m/infer", "405"},
      {"HEAD", "/v2/repository/index", "405"},
      {"HEAD", "/sluice/events", "405"},
      {"HEAD", "/sluice/models/m/events", "405"},
      {"head", "/v2", "405"},
      {"POST", "/v2/models/m", "405"},
      {"GET", "/v2/models/m/infer", "405"},
      {"get", "/v2", "405"},
      {"POST", "/sluice/status", "405"},
      {"GET", "/v2/models//ready", "400"},
      {"GET", "/v2/models/%", "400"},
      {"GET", "/v2/models/%4", "400"},
      {"GET", "/v2/models/%zz", "400"},
      {"GET", "/v2/models/..", "400"},
      {"GET", "/v2/models/%2e%2e", "400"},
      {"GET", "/v2/models/a%2fb", "400"},
      {"GET", "/v2/models/a%5cb", "400"},
      {"GET", "/v2/models/a%0d%0ab", "400"},
      {"GET", "/v2/models/a%00", "400"},
      {"GET", "/v2/models/%ff", "400"},
      {"GET", "/v2/models/" + long_name, "400"},
      {"GET", "/v2/models/m/versions/9223372036854775808", "400"},
      {"GET", "/v2/models/m/versions/99999999999999999999999999", "400"},
      {"GET", "/graphpipe/%2e", "400"},
      {"GET", "/v2/models/stats", "501"},
      {"GET", "/v2/models/m/stats", "501"},
      {"POST", "/v2/models/m/generate", "501"},
      {"POST", "/v2/models/m/versions/1/generate_stream", "501"},
      {"GET", "/v2/models/m/trace/setting", "501"},
      {"POST", "/v2/models/m/config", "405"},
      {"GET", "/v2/models/m/labels", "400"},
      {"GET", "/v2/models/m/labels/", "400"},
      {"GET", "/v2/models/m/labels/%zz", "400"},
      {"GET", "/v2/models/m/labels/" + long_name, "400"},
      {"GET", "/v2/models/m/labels/x/versions/1", "404"},
      {"GET", "/v2/models/m/labels/x/trace/setting", "404"},
      {"GET", "/v2/repository/index", "405"},
      {"POST", "/v2/repository", "404"},
      {"POST", "/v2/repository/index/x", "404"},
      {"POST", "/v2/repository/models", "404"},
      {"POST", "/v2/repository/models/m", "404"},
      {"POST", "/v2/repository/models/m/reload", "404"},
      {"POST", "/v2/repository/models/m/load/x", "404"},
      {"GET", "/v2/repository/models/m/load", "405"},
      {"POST", "/v2/repository/models/%2e%2e/load", "400"},
      {"POST", "/v2/repository/models//unload", "400"},
      {"POST", "/v2/repository/r/models/m/load", "501"},
      {"POST", "/v2/repository/r/models/m/unload", "501"},
      {"POST", "/sluice/models", "405"},
      {"GET", "/sluice/models/m", "404"},
      {"POST", "/sluice/models/m/rollout/stop", "404"},
      {"POST", "/sluice/models/m/rollout/pause/x", "404"},
      {"POST", "/sluice/models/m/rollback/x", "404"},
      {"DELETE", "/sluice/models/m/rollout", "405"},
      {"GET", "/sluice/models/m/rollback", "405"},
      {"GET", "/sluice/models/m/rollout/pause", "405"},
      {"GET", "/sluice/models/%2e/rollout", "400"},
      {"POST", "/sluice/models/m/rollout", "400"},  // without a body
      {"GET", "/v2/systemsharedmemory/status", "501"},
      {"POST", "/v2/cudasharedmemory/region/r/register", "501"},
      {"GET", "/v2/trace/setting", "501"},
      {"POST", "/v2/logging", "501"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(route(row.method, row.path), row.status) << row.method << " " << row.path;
  }
}

TEST(Routes, hand_bodies_of_operators_over_or_refuse_them) {
  EXPECT_EQ(route("POST", "/v2/repository/index", {}, R"({"ready":true})"), "index ready");
  EXPECT_EQ(route("POST", "/sluice/models/m/rollout", {}, R"({"to":"policy"})"),
            "rollout m policy");
  EXPECT_EQ(route("POST", "/sluice/models/m/rollout", {}, R"({"to":3})"), "rollout m 3");
  EXPECT_EQ(route("POST", "/sluice/models/m/rollback", {}, "{}"), "rollback m");
  EXPECT_EQ(route("POST", "/sluice/models/m/rollback", {}, R"({"to":3})"), "400");
  EXPECT_EQ(route("POST", "/v2/repository/models/m/load", {}, "[]"), "400");
  const std::string spaces(limits::kAdminBodyBytes - 2, ' ');
  EXPECT_EQ(route("POST", "/v2/repository/models/m/load", {}, spaces + "{}"), "load m");
  EXPECT_EQ(route("POST", "/v2/repository/models/m/load", {}, spaces + "{ }"), "413");
}

TEST(Routes, decode_a_name_only_once) {
  EXPECT_EQ(route("GET", "/v2/models/a%2541"), "metadata a%41");
}

TEST(Routes, a_listener_of_one_model_answers_graphpipe_at_every_path) {
  const RouteOptions alone{.graphpipe_model = "digits"};
  EXPECT_EQ(route("GET", "/", alone), "json digits");
  EXPECT_EQ(route("POST", "/", alone), "graphpipe digits");
  EXPECT_EQ(route("POST", "/v2/health/live", alone), "graphpipe digits");
  EXPECT_EQ(route("DELETE", "/a/b/c/d/e/f/g/h/i/j", alone), "graphpipe digits");
  EXPECT_EQ(route("GET", "/control/is_ready", alone), "is_ready digits");
  EXPECT_EQ(route("GET", "/control/is_alive", alone), "is_alive");
  EXPECT_EQ(route("GET", "/control/client_count", alone), "404");
}

TEST(Routes, answer_head_where_they_answer_get) {
  for (const char* path : {"/v2",
                           "/v2/health/live",
                           "/v2/health/ready",
                           "/v2/models/m",
                           "/v2/models/m/versions/3/ready",
                           "/v2/models/m/config",
                           "/sluice/status",
                           "/sluice/models",
                           "/sluice/models/m/rollout",
                           "/graphpipe/m",
                           "/graphpipe/m/control/is_alive",
                           "/nowhere"}) {
    EXPECT_EQ(route("HEAD", path), route("GET", path)) << path;
  }
  const RouteOptions alone{.graphpipe_model = "digits"};
  EXPECT_EQ(route("HEAD", "/", alone), "json digits");
}

TEST(Routes, a_wrong_method_names_the_right_ones) {
  const struct {
    const char* path;
    const char* allowed;
  } rows[] = {
      {"/v2/models/m/infer", "POST"},
      {"/v2/models/m", "GET, HEAD"},
      {"/sluice/models/m/rollout", "GET, HEAD, POST"},
      {"/sluice/events", "GET"},
  };
  for (const auto& row : rows) {
    ClientMessage message;
    message.method = "DELETE";
    message.path = row.path;
    const auto reply = std::get<ClientReply>(parse_route(message, {}));
    ASSERT_EQ(reply.headers.size(), 1U) << row.path;
    EXPECT_EQ(reply.headers[0], (std::pair<std::string, std::string>{"Allow", row.allowed}));
  }
}

}  // namespace
}  // namespace sluice::gateway
