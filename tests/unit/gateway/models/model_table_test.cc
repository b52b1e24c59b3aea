#include "gateway/route/model_table.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/protocol/control_replies.h"
#include "gateway/route/control_calls.h"

namespace sluice::gateway {
namespace {

using Standing = ModelTable::Standing;
using State = VersionView::State;

ModelInfo info(std::int64_t version) {
  ModelInfo info;
  info.name = "add";
  info.version = version;
  info.platform = "onnx_onnxv1";
  info.inputs = {{"a", DataType::float32, {-1, 4}}};
  info.outputs = {{"sum", DataType::float32, {-1, 4}}};
  return info;
}

ClusterView view(std::vector<VersionView> versions) {
  ClusterView view;
  view.ready = true;
  view.expected_models = {"add", "late"};
  view.versions = std::move(versions);
  return view;
}

std::string text_of(const ClientReply& reply) {
  std::string text;
  for (const Buffer& part : reply.body) {
    text += part.text();
  }
  return text;
}

TEST(ModelTable, KnowsWhatIsExpectedBeforeAnybodyServesIt) {
  ModelTable table;
  EXPECT_EQ(table.standing({"add", {}}), Standing::unknown);
  table.update(view({}));
  EXPECT_EQ(table.standing({"late", {}}), Standing::expected);
  EXPECT_EQ(table.standing({"late", 3}), Standing::unknown);
  EXPECT_EQ(table.standing({"other", {}}), Standing::unknown);
}

TEST(ModelTable, AnUnversionedTargetHasTheBestStandingOfItsVersions) {
  ModelTable table;
  table.update(view({{"add", 1, State::ready, "", 100, {}},
                     {"add", 2, State::failed, "no such operator", 0, {}}}));
  EXPECT_EQ(table.standing({"add", {}}), Standing::ready);
  EXPECT_EQ(table.standing({"add", 2}), Standing::failed);
  EXPECT_EQ(table.failure({"add", 2}), "no such operator");
  EXPECT_EQ(table.ready_versions("add"), (std::vector<std::int64_t>{1}));
}

TEST(ModelTable, SaysWhyWhatIsNotReadyIsNot) {
  ModelTable table;
  table.update(view({{"add", 1, State::expected, "", 100, {}},
                     {"add", 2, State::failed, "no such operator", 0, {}},
                     {"add", 3, State::ready, "", 0, {}},
                     {"add", 4, State::draining, "", 0, {}},
                     {"words", 0, State::failed, "no version in words", 0, {}}}));
  const std::string late = "model 'late' is not ready: no version of it is known yet";
  const std::string add =
      "model 'add' is not ready: version 1 has no ready worker yet, or for the moment; version 2 "
      "has failed: no such operator; version 3 is ready for requests that name it alone";
  EXPECT_EQ(table.why_not_ready({"late", {}}), late);
  EXPECT_EQ(table.why_not_ready({"add", {}}), add);
  EXPECT_EQ(table.why_not_ready({"add", 2}),
            "model 'add' is not ready: version 2 has failed: no such operator");
  EXPECT_EQ(table.why_not_ready({"words", {}}), "model 'words' is not ready: no version in words");
  EXPECT_EQ(table.why_not_ready(), add + "; " + late);
  const ClientReply reply = answer_control_call(ModelReadyCall{{"add", 2}}, table, false);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(text_of(reply),
            R"({"error":"model 'add' is not ready: version 2 has failed: no such operator"})");
}

TEST(ModelTable, TheServersReasonNamesAFewModelsAndCountsTheOthers) {
  ModelTable table;
  ClusterView seen;
  EXPECT_EQ(table.why_not_ready(), "no model is ready");
  for (int i = 0; i < 10; ++i) {
    seen.expected_models.push_back("m" + std::to_string(i));
  }
  table.update(seen);
  const std::string why = table.why_not_ready();
  EXPECT_TRUE(why.starts_with("model 'm0' is not ready: ")) << why;
  EXPECT_TRUE(why.ends_with("; nor are 2 more")) << why;
  EXPECT_EQ(text_of(answer_control_call(ServerReadyCall{}, table, false)),
            "{\"error\":\"" + why + "\"}");
}

TEST(ModelTable, FindsTheNewestReadyDescription) {
  ModelTable table;
  table.update(
      view({{"add", 1, State::ready, "", 100, {}}, {"add", 2, State::expected, "", 0, {}}}));
  EXPECT_EQ(table.find({"add", {}}), nullptr);
  table.learn(info(2));
  EXPECT_EQ(table.find({"add", {}})->version, 2);
  table.learn(info(1));
  EXPECT_EQ(table.find({"add", {}})->version, 1);
  EXPECT_EQ(table.find({"add", 2})->version, 2);
  EXPECT_EQ(table.find({"add", 3}), nullptr);
}

TEST(ModelTable, PrefersTheVersionWithTheHighestWeight) {
  ModelTable table;
  table.learn(info(1));
  table.learn(info(2));
  table.update(view({{"add", 1, State::ready, "", 90, {}}, {"add", 2, State::ready, "", 10, {}}}));
  table.learn(info(1));
  table.learn(info(2));
  EXPECT_EQ(table.find({"add", {}})->version, 1);
  table.update(view({{"add", 1, State::ready, "", 50, {}}, {"add", 2, State::ready, "", 50, {}}}));
  EXPECT_EQ(table.find({"add", {}})->version, 2);
  table.update(view({{"add", 1, State::ready, "", 0, {}}, {"add", 2, State::ready, "", 0, {}}}));
  EXPECT_EQ(table.standing({"add", {}}), Standing::expected);  // nothing without a name
  EXPECT_EQ(table.standing({"add", 1}), Standing::ready);
}

TEST(ModelTable, ADrainingVersionIsNotThereForNewRequests) {
  ModelTable table;
  table.update(
      view({{"add", 1, State::draining, "", 0, {}}, {"add", 2, State::expected, "", 100, {}}}));
  table.learn(info(1));
  EXPECT_EQ(table.standing({"add", 1}), Standing::unknown);
  EXPECT_EQ(table.find({"add", 1}), nullptr);
  EXPECT_EQ(table.standing({"add", {}}), Standing::expected);
  EXPECT_TRUE(table.ready_versions("add").empty());
}

TEST(ModelTable, AHeldWorkerMakesNoVersionKnownAndOverrulesNoAdmittedOne) {
  ModelTable table;
  table.learn(info(1), false);
  EXPECT_EQ(table.standing({"add", 1}), Standing::unknown);
  EXPECT_EQ(table.find({"add", 1}), nullptr);
  table.update(view({{"add", 1, State::ready, "", 100, {"host/add/1.a/0"}}}));
  table.learn(info(1), false);
  ASSERT_NE(table.find({"add", 1}), nullptr);
  ModelInfo admitted = info(1);
  admitted.platform = "admitted";
  table.learn(admitted, table.admits(admitted, "host/add/1.a/0"));
  table.learn(info(1), table.admits(info(1), "host/add/1.b/0"));
  EXPECT_EQ(table.find({"add", 1})->platform, "admitted");
}

TEST(ModelTable, ForgetsAVersionThatControlNoLongerNames) {
  ModelTable table;
  table.update(view({{"add", 1, State::ready, "", 100, {}}}));
  table.learn(info(1));
  table.update(view({}));
  EXPECT_EQ(table.find({"add", 1}), nullptr);
  EXPECT_EQ(table.standing({"add", 1}), Standing::unknown);
}

TEST(ModelTable, ResolvesLabelsOrNamesThoseThereAre) {
  ModelTable table;
  ClusterView seen = view({{"add", 1, State::ready, "", 100, {}}});
  seen.models = {{"add", {{"canary", 2}, {"stable", 1}}, R"({"name":"add"})"}};
  table.update(seen);
  EXPECT_EQ(*table.labelled({.model = "add", .label = "canary"}), 2);
  EXPECT_EQ(
      table.labelled({.model = "add", .label = "old"}).error(),
      (Error{ErrorCode::not_found, "model 'add' has no label 'old': it has 'canary', 'stable'"}));
  EXPECT_EQ(table.labelled({.model = "late", .label = "old"}).error(),
            (Error{ErrorCode::not_found, "model 'late' has no label 'old', nor any other"}));
  EXPECT_EQ(table.labelled({.model = "none", .label = "old"}).error(),
            unknown_model({.model = "none"}));
  EXPECT_EQ(table.config({.model = "add"}), R"({"name":"add"})");
  EXPECT_EQ(table.config({.model = "late"}), "");
}

TEST(ControlCalls, ALabelBecomesItsVersionBeforeAnythingElse) {
  ModelTable table;
  ClusterView seen = view({{"add", 1, State::ready, "", 100, {}}});
  seen.models = {{"add", {{"stable", 1}}, ""}};
  table.update(seen);
  Route route = InferCall{&kserve_v2_adapter(), {.model = "add", .label = "stable"}};
  settle_label(route, table);
  EXPECT_EQ(std::get<InferCall>(route).target, (ModelRef{.model = "add", .version = 1}));
  route = GraphPipeJsonCall{{.model = "add", .label = "gone"}};
  settle_label(route, table);
  EXPECT_EQ(text_of(std::get<ClientReply>(route)),
            "model 'add' has no label 'gone': it has 'stable'\n");
  route = ServerLiveCall{};
  settle_label(route, table);
  EXPECT_TRUE(std::holds_alternative<ServerLiveCall>(route));
}

TEST(ControlCalls, AConfigurationIsShownAsItIs) {
  ModelTable table;
  ClusterView seen = view({{"add", 1, State::ready, "", 100, {}}});
  const auto config = [&](ModelRef target) {
    return answer_control_call(ModelConfigCall{std::move(target)}, table, false);
  };
  table.update(seen);
  EXPECT_EQ(text_of(config({.model = "add"})),
            R"({"error":"model 'add' has no configuration: its workers were started by hand"})");
  seen.models = {{"add", {}, R"({"name":"add"})"}};
  table.update(seen);
  EXPECT_EQ(text_of(config({.model = "add"})), R"({"name":"add"})");
  EXPECT_EQ(text_of(config({.model = "add", .version = 1})), R"({"name":"add"})");
  EXPECT_EQ(config({.model = "add", .version = 2}).status, 404);
  EXPECT_EQ(config({.model = "none"}).status, 404);
}

TEST(ControlCalls, HealthFollowsWhatControlSaid) {
  ModelTable table;
  EXPECT_EQ(answer_control_call(ServerLiveCall{}, table, false).status, 200);
  EXPECT_EQ(answer_control_call(ServerReadyCall{}, table, false).status, 400);
  table.update(view({{"add", 1, State::ready, "", 100, {}}}));
  EXPECT_EQ(answer_control_call(ServerReadyCall{}, table, false).status, 200);
  EXPECT_EQ(answer_control_call(ServerReadyCall{}, table, true).status, 503);
  EXPECT_EQ(answer_control_call(ModelReadyCall{{"add", {}}}, table, false).status, 200);
  EXPECT_EQ(answer_control_call(ModelReadyCall{{"late", {}}}, table, false).status, 400);
  EXPECT_EQ(answer_control_call(ModelReadyCall{{"none", {}}}, table, false).status, 404);
}

TEST(ControlCalls, AConfigurationIsCompletedByWhatTheWorkersOfTheVersionSay) {
  ModelTable table;
  ClusterView seen =
      view({{"add", 1, State::ready, "", 0, {}}, {"add", 2, State::ready, "", 100, {}}});
  table.update(seen);
  const auto body = [&](ModelRef target) {
    return text_of(answer_control_call(ModelConfigCall{std::move(target)}, table, false));
  };
  EXPECT_EQ(answer_control_call(ModelConfigCall{{"add", {}}}, table, false).status, 404);
  table.learn(info(1), true, R"({"max_batch_size":1,"input":[1]})");
  EXPECT_EQ(body({"add", 1}), R"({"max_batch_size":1,"input":[1]})") << "started by hand";
  seen.models = {
      {.model = "add", .labels = {}, .config = R"({"name":"add","input":[]})", .queue = {}}};
  table.update(seen);
  EXPECT_EQ(body({"add", {}}), R"({"name":"add","input":[1],"max_batch_size":1})")
      << "as of the metadata: 2 has not said anything";
  EXPECT_EQ(body({"add", 2}), R"({"name":"add","input":[]})");
  table.learn(info(2), true, R"({"name":"x","input":[2]})");
  EXPECT_EQ(body({"add", {}}), R"({"name":"add","input":[2]})");
  EXPECT_EQ(body({"add", 1}), R"({"name":"add","input":[1],"max_batch_size":1})");
}

TEST(ControlCalls, MetadataNamesTheReadyVersionsOrTheOneAsked) {
  ModelTable table;
  table.update(
      view({{"add", 1, State::ready, "", 100, {}}, {"add", 2, State::ready, "", 100, {}}}));
  table.learn(info(1));
  table.learn(info(2));
  const auto body = [&](ModelRef target) {
    return text_of(answer_control_call(ModelMetadataCall{std::move(target)}, table, false));
  };
  EXPECT_NE(body({"add", {}}).find(R"("versions":["1","2"])"), std::string::npos);
  EXPECT_NE(body({"add", 1}).find(R"("versions":["1"])"), std::string::npos);
  EXPECT_EQ(answer_control_call(ModelMetadataCall{{"add", 3}}, table, false).status, 404);
}

TEST(ControlCalls, ARefusalSaysWhyTheModelCannotBeUsed) {
  ModelTable table;
  table.update(view({{"add", 1, State::failed, "operator Foo is not supported", 0, {}}}));
  EXPECT_EQ(refusal_for({"add", {}}, table),
            (Error{ErrorCode::unavailable,
                   "model 'add' could not be loaded: operator Foo is not supported"}));
  EXPECT_EQ(refusal_for({"late", {}}, table).code, ErrorCode::unavailable);
  EXPECT_EQ(refusal_for({"none", {}}, table).code, ErrorCode::not_found);
}

}  // namespace
}  // namespace sluice::gateway
