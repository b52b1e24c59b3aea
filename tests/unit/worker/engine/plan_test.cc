// The engine's pure parts: arena, registry, thin models, finite numbers.

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "worker/engine/bind/arena_plan.h"
#include "worker/engine/graph/registry.h"
#include "worker/engine/read/thin_model.h"
#include "worker/engine/values/finite.h"
#include "worker/engine/values/layout.h"
#include "worker/model/wire.h"

namespace sluice::engine {
namespace {

TEST(Arena, ValuesThatFollowEachOtherShareMemory) {
  std::vector<ArenaBlock> chain{{.size = 100, .first = 0, .last = 1},
                                {.size = 100, .first = 1, .last = 2},
                                {.size = 100, .first = 2, .last = 3}};
  EXPECT_EQ(place_blocks(chain), 256U);
  EXPECT_EQ(chain[0].offset, chain[2].offset);
  EXPECT_NE(chain[0].offset, chain[1].offset);
}

TEST(Arena, NothingThatLivesTogetherOverlaps) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::vector<ArenaBlock> blocks;
    for (std::size_t i = 0; i < 1 + random() % 30; ++i) {
      const std::size_t first = random() % 20;
      blocks.push_back({.size = 4 + random() % 4000, .first = first, .last = first + random() % 5});
    }
    const std::size_t total = place_blocks(blocks);
    for (const ArenaBlock& a : blocks) {
      EXPECT_LE(a.offset + a.size, total);
      EXPECT_EQ(a.offset % 64, 0U);
      for (const ArenaBlock& b : blocks) {
        const bool together = &a != &b && a.first <= b.last && b.first <= a.last;
        const bool apart = a.offset + a.size <= b.offset || b.offset + b.size <= a.offset;
        ASSERT_TRUE(!together || apart) << "round " << round;
      }
    }
  }
}

TEST(Registry, FindsTheVersionInForceAndNeverANeighbour) {
  Registry registry;
  registry.add({.name = "Op", .since = {1, 7, 13}, .lacks = {1}});
  const auto since = [&](int opset) {
    const auto found = registry.find("", "Op", opset);
    return found ? found->since : -1;
  };
  EXPECT_EQ(since(1), -1);  // known, without a kernel
  EXPECT_EQ(since(6), -1);
  EXPECT_EQ(since(7), 7);
  EXPECT_EQ(since(12), 7);
  EXPECT_EQ(since(kNewestOnnxOpset), 13);
  EXPECT_EQ(since(kNewestOnnxOpset + 1), -1);
  EXPECT_EQ(registry.find("", "Other", 13).error().code, ErrorCode::unsupported);
  EXPECT_EQ(registry.find("ai.onnx.ml", "Op", 1).error().detail, "ai.onnx.ml.Op");
}

TEST(ThinModel, LeavesLargeRawDataWhereItIs) {
  const std::string raw(2000, 'w');
  std::string tensor;
  model::append_bytes_field(tensor, 9, std::as_bytes(std::span(raw)));
  std::string graph;
  model::append_bytes_field(graph, 5, std::as_bytes(std::span(tensor)));
  std::string file;
  model::append_bytes_field(file, 7, std::as_bytes(std::span(graph)));
  const auto thin = thin_model(std::as_bytes(std::span(file)));
  ASSERT_TRUE(thin) << thin.error().detail;
  EXPECT_LT(thin->size(), 20U);
  const std::size_t place = file.find(raw);
  std::string segment;
  model::append_varint_field(segment, 1, place);
  model::append_varint_field(segment, 2, place + raw.size());
  EXPECT_NE(thin->find(segment), std::string::npos);
  EXPECT_FALSE(thin_model(std::as_bytes(std::span(file).first(file.size() - 1))));
}

TEST(Layout, ReorderingThereAndBackChangesNothing) {
  std::vector<float> values(2 * 19 * 5 * 7);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
  }
  std::vector<float> last(values.size());
  std::vector<float> back(values.size());
  const Shape dims{2, 19, 5, 7};
  const auto view = [&](std::vector<float>& data, Layout layout) {
    return TensorView{.datatype = DataType::float32,
                      .layout = layout,
                      .dims = dims,
                      .count = static_cast<std::int64_t>(data.size()),
                      .data = data.data()};
  };
  TensorView there = view(last, Layout::channels_last);
  reorder(view(values, Layout::plain), there);
  EXPECT_EQ(last[1], 35);  // channel 1 of the first place
  TensorView home = view(back, Layout::plain);
  reorder(there, home);
  EXPECT_EQ(back, values);
}

TEST(Finite, SeesEveryNanAndInfinity) {
  std::vector<float> values(3000, std::numeric_limits<float>::max());
  EXPECT_TRUE(all_finite(DataType::float32, std::as_bytes(std::span(values))));
  EXPECT_TRUE(all_finite(DataType::float32, {}));
  const std::uint16_t half_infinity[] = {0x3C00, 0xFC00};
  EXPECT_FALSE(all_finite(DataType::float16, std::as_bytes(std::span(half_infinity))));
  EXPECT_TRUE(all_finite(DataType::bfloat16, std::as_bytes(std::span(half_infinity))));
  EXPECT_TRUE(all_finite(DataType::int16, std::as_bytes(std::span(half_infinity))));
  const double nan[] = {1, std::nan("")};
  EXPECT_FALSE(all_finite(DataType::float64, std::as_bytes(std::span(nan))));
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{1023}, std::size_t{1024}, std::size_t{2999}}) {
    values[at] = at % 2 == 0 ? -std::numeric_limits<float>::infinity()
                             : std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(all_finite(DataType::float32, std::as_bytes(std::span(values)))) << at;
    values[at] = 1;
  }
}

}  // namespace
}  // namespace sluice::engine
