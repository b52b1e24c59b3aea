// The real models of SLUICE_SHARED_DIR, with their recorded inputs, and where their rows are
// independent with random ones.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/determinism/same_bits.h"
#include "worker/model/bench_inputs.h"
#include "worker/model/recorded_set.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> shared_models() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(fs::path(SLUICE_SHARED_DIR) / "models", none)) {
    if (fs::exists(entry.path() / "model.onnx")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::ranges::sort(names);
  return names;
}

class Determinism : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Determinism);

// Eight rows: random numbers, of the extents that the recorded inputs have behind the batch.
Result<std::vector<NamedTensor>> eight_rows(const ModelInfo& info,
                                            const std::vector<NamedTensor>& recorded) {
  std::map<std::string, Shape> shapes;
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    Shape shape = recorded[i].shape;
    if (!shape.empty()) {
      shape[0] = 8;
    }
    shapes[info.inputs[i].name] = shape;
  }
  return model::bench_inputs(info, shapes);
}

TEST_P(Determinism, OfAModelsAnswers) {
  const fs::path folder = fs::path(SLUICE_SHARED_DIR) / "models" / GetParam();
  const auto library = engine::open_engine(std::string(SLUICE_BINARY_DIR) + "/libsluice_engine.so");
  ASSERT_TRUE(library) << library.error().detail;
  const testing::Load load = [&](int threads) {
    return (*library)->load({.path = (folder / "model.onnx").string(), .threads = threads});
  };
  const auto session = load(1);
  ASSERT_TRUE(session) << session.error().detail;
  const auto sets = model::recorded_sets(folder.string());
  ASSERT_FALSE(sets.empty());
  const auto recorded = model::read_recorded_inputs(sets.front(), (*session)->info());
  ASSERT_TRUE(recorded) << recorded.error().detail;
  const auto same = testing::same_bits(load, *recorded);
  ASSERT_TRUE(same) << same.error().detail;
  EXPECT_EQ(same->difference, "");
  if (!(*session)->rows_independent()) {
    return;
  }
  const auto rows = eight_rows((*session)->info(), *recorded);
  ASSERT_TRUE(rows) << rows.error().detail;
  const auto joined = testing::same_bits(load, *rows);
  ASSERT_TRUE(joined) << joined.error().detail;
  EXPECT_EQ(joined->difference, "");
}

INSTANTIATE_TEST_SUITE_P(Models,
                         Determinism,
                         ::testing::ValuesIn(shared_models()),
                         [](const auto& given) { return given.param; });

}  // namespace
}  // namespace sluice
