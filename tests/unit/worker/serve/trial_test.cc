#include "worker/serve/trial.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/link/tensor_codec.h"
#include "tests/support/temp_dir.h"
#include "worker/model/tensor_file.h"
#include "worker/serve/execute.h"
#include "worker/serve/try_out.h"

namespace sluice::worker {
namespace {

ModelInfo facts() {
  return {.name = "from the file",
          .version = 9,
          .platform = "onnx_onnxv1",
          .description = {},
          .inputs = {{"x", DataType::float32, {-1, 2}, false}},
          .outputs = {{"y", DataType::float32, {-1, 2}, false}}};
}

ServingPlan plan_of(const std::string& folder) {
  ServingPlan plan;
  plan.model_path = folder + "/model.onnx";
  plan.model_name = "m";
  plan.version = 3;
  return plan;
}

Result<Trials> trials_of(const ServingPlan& plan) {
  auto served = serve_as(plan, facts(), false);
  return served ? make_trials(plan, *std::move(served)) : Result<Trials>(served.error());
}

NamedTensor floats(const std::string& name, const std::vector<float>& values) {
  return {.name = name,
          .datatype = DataType::float32,
          .shape = {static_cast<std::int64_t>(values.size() / 2), 2},
          .data = Buffer::copy_of(std::as_bytes(std::span(values)))};
}

void record(test::TempDir& dir,
            const std::string& set,
            const std::vector<float>& x,
            const std::vector<float>& y) {
  std::filesystem::create_directories(dir.path() + "/" + set);
  static_cast<void>(dir.write(set + "/input_0.pb", *model::write_tensor(floats("x", x))));
  static_cast<void>(dir.write(set + "/output_0.pb", *model::write_tensor(floats("y", y))));
}

// y = f(x), element by element.
class Mapped final : public engine::Execution {
 public:
  explicit Mapped(std::function<Result<float>(float)> f) : f_(std::move(f)) {}
  Result<void> run(const engine::RunArguments& arguments) override {
    ++runs;
    const engine::InputView& x = arguments.inputs[0];
    const Shape shape(x.shape.begin(), x.shape.end());
    rows.push_back(shape.front());
    SLUICE_TRY_ASSIGN(const auto y,
                      arguments.allocator->allocate(0, x.datatype, shape, x.data.size()));
    for (std::size_t at = 0; at < y.size(); at += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, x.data.data() + at, sizeof value);
      SLUICE_TRY_ASSIGN(value, f_(value));
      std::memcpy(y.data() + at, &value, sizeof value);
    }
    return {};
  }

  int runs = 0;
  std::vector<std::int64_t> rows;

 private:
  std::function<Result<float>(float)> f_;
};

Result<TriedOut> tried(const Trials& trials, Stage stage, Mapped& execution) {
  StartBoard board;
  const int before = execution.runs;
  auto result = try_out(trials, stage, 1'000, execution, SystemClock(), board);
  EXPECT_FALSE(board.busy);
  // A request that the model's checks refuse does not reach the engine.
  EXPECT_GE(board.runs, static_cast<std::uint64_t>(execution.runs - before));
  return result;
}

float twice(float x) {
  return 2 * x;
}

TEST(Trial, WithoutAnythingKnownInputsAreMadeUpAndTheAnswerMustBeThere) {
  test::TempDir dir;
  const auto trials = trials_of(plan_of(dir.path()));
  ASSERT_TRUE(trials) << trials.error().detail;
  EXPECT_EQ(trials->probe_kind, link::ProbeKind::generated);
  Mapped good(twice);
  auto result = tried(*trials, Stage::warm_up, good);
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(good.rows, (std::vector<std::int64_t>{1, 1}));
  EXPECT_GT(result->service.count(), 0);
  Mapped infinite([](float) { return std::numeric_limits<float>::infinity(); });
  result = tried(*trials, Stage::probe, infinite);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->answered);
  EXPECT_FALSE(result->finite);
  Mapped broken([](float) -> Result<float> { return Error{ErrorCode::internal, "no"}; });
  EXPECT_EQ(tried(*trials, Stage::probe, broken).error(),
            (Error{ErrorCode::internal, "made-up inputs: no"}));
}

TEST(Trial, ThatMadeUpInputsAreNotTakenSaysNothing) {
  test::TempDir dir;
  const auto trials = trials_of(plan_of(dir.path()));
  ASSERT_TRUE(trials);
  Mapped picky([](float) -> Result<float> {
    return Error{ErrorCode::invalid_argument, "batch 8 only"};
  });
  const auto result = tried(*trials, Stage::probe, picky);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->answered);
}

TEST(Trial, ConfiguredSamplesAreRunAsOftenAsTheySay) {
  test::TempDir dir;
  ServingPlan plan = plan_of(dir.path());
  plan.max_batch_size = 8;
  plan.warm_ups = {{.name = "ones",
                    .batch_size = 1,
                    .count = 1,
                    .inputs = {{"x", DataType::float32, {2}, WarmUpInput::Kind::zero, {}}}},
                   {.name = "full",
                    .batch_size = 8,
                    .count = 3,
                    .inputs = {{"x", DataType::float32, {2}, WarmUpInput::Kind::random, {}}}}};
  auto trials = trials_of(plan);
  ASSERT_TRUE(trials) << trials.error().detail;
  Mapped good(twice);
  ASSERT_TRUE(tried(*trials, Stage::warm_up, good));
  EXPECT_EQ(good.rows, (std::vector<std::int64_t>{1, 8, 8, 8}));
  Mapped broken([](float x) -> Result<float> {
    return x == 0 ? Result<float>(x) : Result<float>(Error{ErrorCode::internal, "no"});
  });
  EXPECT_EQ(tried(*trials, Stage::warm_up, broken).error(),
            (Error{ErrorCode::internal, "warm-up sample 'full': no"}));
  plan.warm_ups[1].batch_size = 9;
  trials = trials_of(plan);
  ASSERT_TRUE(trials);
  EXPECT_EQ(tried(*trials, Stage::warm_up, good).error().detail,
            "warm-up sample 'full': inference request batch-size must be <= 8 for 'm'");
  plan.warm_ups[1].inputs[0].kind = WarmUpInput::Kind::file;
  plan.warm_ups[1].inputs[0].path = dir.path() + "/gone";
  EXPECT_EQ(trials_of(plan).error().detail,
            "warm-up sample 'full': file 'gone': No such file or directory");
}

TEST(Trial, KnownAnswersMustBeGiven) {
  test::TempDir dir;
  record(dir, "test_data_set_0", {1, 2}, {2, 4});
  record(dir, "test_data_set_1", {1, 2, 3, 4}, {2, 4, 6, 8.5});
  ServingPlan plan = plan_of(dir.path());
  const auto trials = trials_of(plan);
  ASSERT_TRUE(trials) << trials.error().detail;
  EXPECT_EQ(trials->probe_kind, link::ProbeKind::known_answer);
  EXPECT_EQ(trials->probes.size(), 2U);
  Mapped good(twice);
  EXPECT_EQ(tried(*trials, Stage::probe, good).error(),
            (Error{ErrorCode::data_corrupt,
                   "known answer 'test_data_set_1': output 'y': 1 of 4 elements differ, most "
                   "element 3: 8, wanted 8.5"}));
  Mapped exact([](float x) { return x == 4 ? 8.5F : 2 * x; });
  const auto result = tried(*trials, Stage::probe, exact);
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_TRUE(result->finite);
  // Elsewhere: the folder that the plan names, or the model's.
  test::TempDir elsewhere;
  ServingPlan other = plan_of(elsewhere.path());
  EXPECT_EQ(trials_of(other)->probe_kind, link::ProbeKind::generated);
  other.model_dir = dir.path();
  EXPECT_EQ(trials_of(other)->probes.size(), 2U);
  other.model_dir.clear();
  other.probe_dir = dir.path();
  EXPECT_EQ(trials_of(other)->probes.size(), 2U);
}

TEST(Trial, ABrokenRecordingIsNotPassedOver) {
  test::TempDir dir;
  std::filesystem::create_directories(dir.path() + "/test_data_set_0");
  static_cast<void>(
      dir.write("test_data_set_0/input_0.pb", *model::write_tensor(floats("x", {1, 2}))));
  EXPECT_EQ(trials_of(plan_of(dir.path())).error().detail,
            "known answer 'test_data_set_0': it has no output_0.pb");
  static_cast<void>(dir.write("test_data_set_0/output_0.pb", "garbage"));
  EXPECT_EQ(trials_of(plan_of(dir.path())).error().code, ErrorCode::data_corrupt);
}

// The configuration may hide the batch, narrow and reshape: the recordings are the model's own.
TEST(Trial, KnownAnswersAreInTheModelsOwnShapes) {
  test::TempDir dir;
  record(dir, "test_data_set_0", {1, 2, 3, 4}, {2, 4, 6, 8});
  ServingPlan plan = plan_of(dir.path());
  plan.max_batch_size = 1;
  plan.config_json =
      R"({"name": "m", "max_batch_size": 1,
          "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [2, 1],
                     "reshape": {"shape": [2]}}],
          "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [2]}]})";
  const auto trials = trials_of(plan);
  ASSERT_TRUE(trials) << trials.error().detail;
  EXPECT_EQ(trials->served.info.inputs[0].shape, (Shape{-1, 2, 1}));
  Mapped good(twice);
  const auto result = tried(*trials, Stage::probe, good);
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(good.rows, (std::vector<std::int64_t>{2}));
}

TEST(Trial, AConfigurationForAnotherModelIsRefused) {
  test::TempDir dir;
  ServingPlan plan = plan_of(dir.path());
  plan.inputs = {{"z", DataType::float32, {-1, 2}, false}};
  EXPECT_EQ(trials_of(plan).error(),
            (Error{ErrorCode::invalid_argument,
                   "the configuration: input 'z' is not in the model, which has 'x'"}));
}

TEST(ServedModel, SaysWhyRequestsAreNotJoinedWhereThatIsConfigured) {
  test::TempDir dir;
  struct Case {
    std::string batching;
    std::int64_t rows;
    bool independent;
    bool joins;
    std::string note;
  };
  const Case cases[] = {
      {R"("dynamic_batching": {}, )", 4, true, true, ""},
      {R"("dynamic_batching": {}, )",
       4,
       false,
       false,
       "dynamic_batching joins no requests: the graph is not known to keep rows apart"},
      {R"("dynamic_batching": {}, )", 1, true, false, ""},  // noted when the file is read
      {"", 4, true, false, ""},
      {"", 4, false, false, ""},
  };
  for (const Case& each : cases) {
    ServingPlan plan = plan_of(dir.path());
    plan.max_batch_size = each.rows;
    plan.config_json = R"({"name": "m", )" + each.batching + R"("max_batch_size": )" +
                       std::to_string(each.rows) + "}";
    const auto served = serve_as(plan, facts(), each.independent);
    ASSERT_TRUE(served) << served.error().detail;
    EXPECT_EQ(served->joins, each.joins) << plan.config_json;
    EXPECT_EQ(batching_note(*served), each.note) << plan.config_json;
  }
}

TEST(Execute, RequestsAreReshapedForTheEngineAndAnswersBack) {
  test::TempDir dir;
  ServingPlan plan = plan_of(dir.path());
  plan.max_batch_size = 4;
  plan.config_json =
      R"({"name": "m", "max_batch_size": 4,
          "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [2, 1],
                     "reshape": {"shape": [2]}}],
          "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [1, 2],
                      "reshape": {"shape": [2]}}]})";
  const auto served = serve_as(plan, facts(), false);
  ASSERT_TRUE(served) << served.error().detail;
  Mapped engine(twice);
  const std::atomic<bool> stop{false};
  const auto ask = [&](Shape shape) {
    std::vector<float> values(static_cast<std::size_t>(*element_count(shape)), 1.0F);
    InferRequest request;
    request.model = "m";
    request.inputs = {floats("x", values)};
    request.inputs[0].shape = std::move(shape);
    Job job{.id = 1, .attempt = 1, .from = {}, .deadline = {}, .received = {}, .body = {}};
    job.body = *link::encode_infer(request);
    link::Encoder encoder;
    return execute(job, *served, engine, stop, SystemClock(), encoder).answer;
  };
  const link::Message answer = ask({3, 2, 1});
  ASSERT_EQ(answer.header.kind, link::Kind::result);
  EXPECT_EQ(link::decode_result(answer.body)->outputs[0].shape, (Shape{3, 1, 2}));
  EXPECT_EQ(engine.rows, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(link::decode_failure(ask({5, 2, 1}).body)->error.detail,
            "inference request batch-size must be <= 4 for 'm'");
  EXPECT_EQ(link::decode_failure(ask({3, 2}).body)->error.detail,
            "unexpected shape for input 'x' for model 'm'. Expected [-1,2,1], got [3,2].");
}

}  // namespace
}  // namespace sluice::worker
