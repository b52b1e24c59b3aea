#include "worker/model/repository/version_policy.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::repository {
namespace {

using Kind = VersionPolicy::Kind;
using Versions = std::vector<std::int64_t>;

TEST(VersionPolicy, chooses_among_what_is_there) {
  struct Case {
    VersionPolicy policy;
    Versions available;
    Versions chosen;
    Versions missing;
  };
  const Case cases[] = {
      {{.kind = Kind::latest, .count = 1}, {}, {}, {}},
      {{.kind = Kind::latest, .count = 1}, {3, 10, 9}, {10}, {}},
      {{.kind = Kind::latest, .count = 2}, {3, 10, 9}, {9, 10}, {}},
      {{.kind = Kind::latest, .count = 9}, {3, 10, 9}, {3, 9, 10}, {}},
      {{.kind = Kind::all}, {2, 1, 2}, {1, 2}, {}},
      {{.kind = Kind::specific, .versions = {2, 5}}, {5, 6, 1}, {5}, {2}},
      {{.kind = Kind::specific, .versions = {2, 5}}, {}, {}, {2, 5}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(select_versions(c.policy, c.available), c.chosen) << describe(c.policy);
    EXPECT_EQ(missing_versions(c.policy, c.available), c.missing) << describe(c.policy);
  }
}

TEST(VersionPolicy, is_described) {
  EXPECT_EQ(describe({.kind = Kind::latest, .count = 2}), "latest 2");
  EXPECT_EQ(describe({.kind = Kind::all}), "all");
  EXPECT_EQ(describe({.kind = Kind::specific, .versions = {3, 5}}), "specific 3, 5");
}

TEST(VersionPolicy, a_count_of_nothing_is_one) {
  EXPECT_EQ(latest_policy(0).count, 1U);
  EXPECT_EQ(latest_policy(7).count, 7U);
}

TEST(Labels, name_versions_that_are_there) {
  const Versions there = {1, 4};
  EXPECT_TRUE(check_labels({{"stable", 1}, {"canary", 4}}, there));
  const auto missing = check_labels({{"stable", 2}}, there);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().detail,
            "label 'stable' names version 2, which is not there; there are 1, 4");
  EXPECT_FALSE(check_labels({{"stable", 1}}, Versions{}));
}

TEST(Labels, stand_in_urls_and_look_like_no_version) {
  for (const char* label : {"stable", "v2", "2x", "a-b_c.d~e"}) {
    EXPECT_TRUE(check_label_name(label)) << label;
  }
  for (const std::string& label : {std::string(),
                                   std::string("2"),
                                   std::string("a b"),
                                   std::string(".a"),
                                   std::string("a/b"),
                                   std::string(65, 'a')}) {
    EXPECT_FALSE(check_label_name(label)) << label;
  }
}

}  // namespace
}  // namespace sluice::repository
