#include "gateway/control/metric_tags.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

using TagsOfModel = std::map<std::string, std::string>;

std::vector<RoutedSettings> routed_with(const std::map<std::string, TagsOfModel>& tags) {
  std::vector<RoutedSettings> all;
  for (const auto& [model, each] : tags) {
    RoutedSettings& one = all.emplace_back();
    one.model = model;
    one.metric_tags = each;
  }
  return all;
}

TEST(MetricTagList, HasNewsOnlyWhenTagsAreOthers) {
  MetricTagList list;
  const struct {
    std::map<std::string, TagsOfModel> settings;
    bool news;
    metrics::ModelTags tags;
  } rows[] = {
      {{}, false, {}},
      {{{"plain", {}}}, false, {}},
      {{{"m", {{"team", "a"}}}, {"plain", {}}}, true, {{"m", {{"team", "a"}}}}},
      {{{"m", {{"team", "a"}}}}, false, {{"m", {{"team", "a"}}}}},
      {{{"m", {{"team", "b"}}}}, true, {{"m", {{"team", "b"}}}}},
      {{}, false, {{"m", {{"team", "b"}}}}},  // it is unloaded
      {{{"m", {}}}, true, {{"m", {}}}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(list.update(routed_with(row.settings)), row.news);
    EXPECT_EQ(list.tags(), row.tags);
    list.told();
  }
}

TEST(MetricTagList, HasNewsUntilTheyAreTold) {
  MetricTagList list;
  EXPECT_TRUE(list.update(routed_with({{"m", {{"team", "a"}}}})));
  EXPECT_TRUE(list.update(routed_with({{"m", {{"team", "a"}}}}))) << "the page did not keep up";
  EXPECT_TRUE(list.update({}));
  list.told();
  EXPECT_FALSE(list.update({}));
}

TEST(MetricTagList, IsBounded) {
  MetricTagList list;
  for (std::size_t i = 0; i <= limits::kModelsPerShard; ++i) {
    list.update(routed_with({{std::to_string(i), {{"team", "a"}}}}));
  }
  EXPECT_EQ(list.tags().size(), limits::kModelsPerShard);
}

}  // namespace
}  // namespace sluice::gateway
