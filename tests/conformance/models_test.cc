// Whole models through libsluice_engine.so: the real ones of SLUICE_SHARED_DIR against their
// recorded outputs, and synthetic ones (made by make_synthetic.py with Debian's Python) against
// scalar kernels of ours; add and the MLP against numpy: suites/numpy_cases.py. Skipped, loudly,
// where the folder or the Python packages are missing.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "worker/engine/engine.h"
#include "worker/engine/session.h"
#include "worker/model/bench_inputs.h"
#include "worker/model/compare.h"
#include "worker/model/engine_run.h"
#include "worker/model/test_case.h"
#include "worker/ops/register.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<engine::Engine> open_real_engine() {
  auto engine = engine::open_engine(std::string(SLUICE_BINARY_DIR) + "/libsluice_engine.so");
  EXPECT_TRUE(engine) << engine.error().detail;
  return engine ? *std::move(engine) : nullptr;
}

class RealModel : public ::testing::TestWithParam<const char*> {};

TEST_P(RealModel, AnswersAsRecorded) {
  const fs::path folder = fs::path(SLUICE_SHARED_DIR) / "models" / GetParam();
  if (!fs::exists(folder)) {
    GTEST_SKIP() << "no " << folder << ": set SLUICE_SHARED_DIR to test real models";
  }
  const auto engine = open_real_engine();
  ASSERT_NE(engine, nullptr);
  const auto results = model::run_test_case(*engine, folder.string(), {}, {.scale = 1e-4});
  EXPECT_GE(results.size(), 2U);
  for (const auto& result : results) {
    EXPECT_EQ(result.status, model::CheckStatus::pass) << result.set << ": " << result.detail;
  }
}

INSTANTIATE_TEST_SUITE_P(Models,
                         RealModel,
                         ::testing::Values("mnist_8",
                                           "plate_color_cls",
                                           "super_resolution_10",
                                           "linear_classifier_op21",
                                           "mnist_external",
                                           "crepe_tiny",
                                           "dnsmos_sig_bak_ovr",
                                           "fsmn_vad_online",
                                           "squeezenet_fp16"));

// Writes the model below the build folder, once.
std::string synthetic(const std::string& name) {
  const fs::path out = fs::path(SLUICE_BINARY_DIR) / "synthetic_models";
  const fs::path model = out / name / "model.onnx";
  if (!fs::exists(model)) {
    const std::string command = "/usr/bin/python3 " + std::string(SLUICE_SOURCE_DIR) +
                                "/bench/engine/make_synthetic.py --out " + out.string() + " " +
                                name + " >/dev/null 2>&1";
    // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): a test that runs Python, on one thread.
    if (std::system(command.c_str()) != 0) {
      return "";
    }
  }
  return model.string();
}

class SyntheticModel : public ::testing::TestWithParam<const char*> {};

TEST_P(SyntheticModel, AgreesWithScalarKernelsForTwoBatchSizes) {
  const std::string path = synthetic(GetParam());
  if (path.empty()) {
    GTEST_SKIP() << "make_synthetic.py needs /usr/bin/python3 with onnx and numpy";
  }
  const auto engine = open_real_engine();
  ASSERT_NE(engine, nullptr);
  const auto fast = engine->load({.path = path});
  ASSERT_TRUE(fast) << fast.error().detail;
  auto registry = std::make_shared<engine::Registry>();
  engine::register_all(*registry);
  const auto slow =
      engine::load_session(engine::LoadOptions{.path = path}, registry, {.reference = true});
  ASSERT_TRUE(slow) << slow.error().detail;
  const ModelInfo& info = (*fast)->info();
  const auto execution = (*fast)->new_execution();
  const auto reference = (*slow)->new_execution();
  for (const std::int64_t batch : {1, 2}) {
    std::map<std::string, Shape> shapes;
    for (const ValueInfo& input : info.inputs) {
      shapes[input.name] = input.shape;
      shapes[input.name][0] = batch;
    }
    const auto inputs = model::bench_inputs(info, shapes);
    ASSERT_TRUE(inputs) << inputs.error().detail;
    const auto got = model::run_tensors(*execution, info, *inputs, {0});
    const auto want = model::run_tensors(*reference, info, *inputs, {0});
    ASSERT_TRUE(got && want);
    EXPECT_EQ(model::difference(got->front(), want->front(), {.relative = 1e-4, .scale = 1e-5})
                  .value_or(""),
              "")
        << "batch " << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Models,
                         SyntheticModel,
                         ::testing::Values("add", "mlp_784_256_10", "mobilenet_v2"));

#if !defined(__SANITIZE_ADDRESS__)
// Half a minute of scalar arithmetic, ten times as much under sanitizers.
INSTANTIATE_TEST_SUITE_P(LargeModels, SyntheticModel, ::testing::Values("resnet50"));
#endif

}  // namespace
}  // namespace sluice
