#include "worker/model/engine_bench.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace sluice::model {
namespace {

// Writes down what it is asked to do.
class FakeModel final : public BenchModel {
 public:
  explicit FakeModel(std::vector<std::string>& calls) : calls_(&calls) {
    info_.inputs = {{"past_0", DataType::float32, {-1}}};
    info_.outputs = {{"present_0", DataType::float32, {-1}}};
  }
  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<std::vector<std::string>> symbols() const override {
    return {{"sequence"}};
  }
  Result<void> use(std::vector<InputSet> sets) override {
    calls_->push_back("use " + std::to_string(sets.size()));
    return {};
  }
  Result<void> run(std::size_t set) override {
    calls_->push_back("run " + std::to_string(set));
    return {};
  }
  Result<void> step(std::size_t set, const std::vector<Feedback>& feedback) override {
    calls_->push_back("step " + std::to_string(set) + " of " + std::to_string(feedback.size()));
    return {};
  }
  Result<std::vector<NamedTensor>> outputs(std::size_t set) override {
    calls_->push_back("outputs " + std::to_string(set));
    const std::string bytes("\0\0\x80\x3f", 4);
    std::vector<NamedTensor> tensors;
    tensors.push_back({"present_0", DataType::float32, {1}, Buffer::copy_of(bytes)});
    return tensors;
  }

 private:
  std::vector<std::string>* calls_;
  ModelInfo info_;
};

class FakeEngine final : public BenchEngine {
 public:
  Result<std::unique_ptr<BenchModel>> load(const std::string& path, int threads) override {
    calls.push_back("load " + path + " for " + std::to_string(threads));
    return std::unique_ptr<BenchModel>(std::make_unique<FakeModel>(calls));
  }
  std::vector<std::string> calls;
};

TEST(EngineBench, RepeatsOneSetAfterAFirstRunThatIsPartOfLoading) {
  FakeEngine engine;
  const auto result = run_bench(engine, {.path = "m", .threads = 2, .time = {}});
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_THAT(engine.calls, testing::ElementsAre("load m for 2", "use 1", "run 0", "run 0"));
  EXPECT_EQ(result->runs, 1);
  EXPECT_GT(result->peak_rss_mb, 1);
}

TEST(EngineBench, RunsEachSetOfASweepOnce) {
  FakeEngine engine;
  BenchOptions options{.path = "m"};
  options.feed.sweep = Sweep{"sequence", 1, 3};
  const auto result = run_bench(engine, options);
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_THAT(engine.calls,
              testing::ElementsAre("load m for 1", "use 3", "run 0", "run 1", "run 2"));
  EXPECT_EQ(result->runs, 3);
  EXPECT_GE(result->total_ms, result->p50_ms);
}

TEST(EngineBench, FeedsTheStepsOfADecodeBack) {
  FakeEngine engine;
  BenchOptions options{.path = "m"};
  options.feed.decode = 2;
  ASSERT_TRUE(run_bench(engine, options));
  EXPECT_THAT(engine.calls,
              testing::ElementsAre("load m for 1", "use 2", "step 0 of 1", "step 1 of 1"));
}

TEST(EngineBench, WritesTheOutputsOfTheFirstSet) {
  const test::TempDir folder;
  FakeEngine engine;
  const std::string out = folder.path() + "/out";
  ASSERT_TRUE(run_bench(engine, {.path = "m", .time = {}, .write = out}));
  EXPECT_EQ(engine.calls.back(), "outputs 0");
  EXPECT_TRUE(std::filesystem::exists(out + "/output_0.pb"));
}

TEST(EngineBench, FiguresAreText) {
  const BenchResult result{.min_ms = 0.5,
                           .p50_ms = 1,
                           .p99_ms = 2,
                           .runs = 3,
                           .total_ms = 3.5,
                           .load_ms = 4,
                           .peak_rss_mb = 5};
  EXPECT_EQ(json_of(result),
            R"({"min_ms": 0.5, "p50_ms": 1, "p99_ms": 2, "runs": 3, "total_ms": 3.5, )"
            R"("load_ms": 4, "peak_rss_mb": 5})");
  EXPECT_THAT(text_of(result), testing::HasSubstr("p50_ms       1\n"));
}

}  // namespace
}  // namespace sluice::model
