#include "cluster/node/kept_plans.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "cluster/node/repository_view.h"
#include "tests/support/temp_dir.h"

namespace sluice::cluster {
namespace {

// A repository on disk, as one look sees it with nothing left to settle.
class KeptPlansTest : public testing::Test {
 protected:
  void SetUp() override {
    has("m/config.pbtxt", "max_batch_size: 4");
    has("m/1/model.onnx", "x");
    spec.stamp = plan_of(view(), {.id = "w", .model = "m", .version = 1})->stamp;
  }
  void has(const std::string& file, const std::string& text) {
    static_cast<void>(dir.write("r/" + file, text));
  }
  repository::SettledView view() {
    repository::Settler settler(Duration{0});
    settler.on_scan(repository::scan(sources), TimePoint{});
    return settler.view();
  }
  // The greatest batch of the plan, or the reason why there is none.
  std::string batch() {
    const auto plan = plans.plan_for(view(), spec);
    return plan ? std::to_string(plan->max_batch_size) : plan.error().detail;
  }

  test::TempDir dir;
  repository::ScanOptions sources{.roots = {dir / "r"}};
  WorkerSpec spec{.id = "w", .model = "m", .version = 1};
  KeptPlans plans;
};

constexpr const char* kChanged =
    "version 1 of model 'm' has changed on disk since it was to be served";

TEST_F(KeptPlansTest, AWorkerIsStartedAgainAsItWasWhenItsConfigurationHasChanged) {
  EXPECT_EQ(batch(), "4");
  has("m/config.pbtxt", "max_batch_size: 16");
  EXPECT_EQ(batch(), "4");
  has("m/config.pbtxt", "no_such_field: 1");
  EXPECT_EQ(batch(), "4") << "a file that cannot be read";
}

TEST_F(KeptPlansTest, AWorkerKeepsTheLabelsOfItsBuild) {
  has("m/config.pbtxt",
      "output { name: \"y\" data_type: TYPE_FP32 dims: 2 label_filename: \"l.txt\" }");
  has("m/l.txt", "cat\ndog");
  spec.stamp = plan_of(view(), {.id = "w", .model = "m", .version = 1})->stamp;
  const auto labels = [this] {
    const auto plan = plans.plan_for(view(), spec);
    return plan ? plan->labels.at(0).lines : plan.error().detail;
  };
  EXPECT_EQ(labels(), "cat\ndog");
  has("m/l.txt", "bird\nfish\nfrog");
  EXPECT_EQ(labels(), "cat\ndog");
  std::filesystem::remove(dir / "r/m/l.txt");
  EXPECT_EQ(labels(), "cat\ndog");
}

TEST_F(KeptPlansTest, NotWhenTheFilesOfTheVersionHaveChangedOrAreGone) {
  EXPECT_EQ(batch(), "4");
  has("m/1/model.onnx", "another");
  EXPECT_EQ(batch(), kChanged);
  has("m/2/model.onnx", "x");
  std::filesystem::remove_all(dir / "r/m/1");
  EXPECT_EQ(batch(), "version 1 of model 'm' is not in the repository");
}

TEST_F(KeptPlansTest, NothingIsKeptOfOneThatNeverWasOrIsForgotten) {
  has("m/config.pbtxt", "max_batch_size: 16");
  EXPECT_EQ(batch(), kChanged) << "never started";
  has("m/config.pbtxt", "max_batch_size: 4");
  EXPECT_EQ(batch(), "4");
  has("m/config.pbtxt", "max_batch_size: 16");
  plans.keep_only({{.worker_id = "w"}});
  EXPECT_EQ(batch(), "4");
  plans.keep_only({{.worker_id = "other"}});
  EXPECT_EQ(batch(), kChanged);
}

}  // namespace
}  // namespace sluice::cluster
