#include "worker/model/repository/settler.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::repository {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr TimePoint kStart{1000s};

VersionOnDisk version(std::int64_t number, Stamp stamp, Duration quiet = {}) {
  return {.number = number, .folder = "/r/m", .file = "/f", .stamp = stamp, .quiet = quiet};
}

ModelOnDisk model(const std::string& name, std::vector<VersionOnDisk> versions) {
  ModelOnDisk model{.name = name, .folder = "/r/" + name, .versions = std::move(versions)};
  model.config.config.name = name;
  judge(model);
  return model;
}

ModelOnDisk configured(ModelOnDisk model, Stamp stamp, VersionPolicy policy) {
  model.config_stamp = stamp;
  model.config.config.version_policy = std::move(policy);
  judge(model);
  return model;
}

ModelOnDisk broken(ModelOnDisk model, Stamp stamp) {
  model.config_stamp = stamp;
  model.config_error = Error{ErrorCode::invalid_argument, "config.pbtxt 1:1: bad"};
  judge(model);
  return model;
}

Scan of(std::vector<ModelOnDisk> models) {
  return {.models = std::move(models), .folders = {}};
}

std::vector<std::int64_t> served(const Settler& settler, const std::string& name = "m") {
  const SettledModel* found = settler.view().model(name);
  return found == nullptr ? std::vector<std::int64_t>() : found->selected();
}

// Has seen version 1 of m, which has lain there for an hour.
Settler with_version_1() {
  Settler settler;
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 10, 1h)})}), kStart));
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_TRUE(settler.settled());
  return settler;
}

TEST(Settler, what_lay_there_long_before_the_start_counts_at_once) {
  with_version_1();
}

TEST(Settler, what_was_being_written_at_the_start_waits) {
  Settler settler;
  EXPECT_FALSE(settler.on_scan(of({model("m", {version(1, 10, 300ms)})}), kStart));
  EXPECT_FALSE(settler.settled());
  EXPECT_EQ(settler.next_scan(), kStart + 700ms);
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 10)})}), kStart + 700ms));
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_EQ(settler.next_scan(), std::nullopt);
}

TEST(Settler, later_no_date_is_believed) {
  Settler settler = with_version_1();
  EXPECT_FALSE(
      settler.on_scan(of({model("m", {version(1, 10), version(2, 20, 1h)})}), kStart + 5s));
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_EQ(settler.next_scan(), kStart + 6s);
}

TEST(Settler, a_version_being_copied_is_left_alone_until_nothing_has_changed_for_a_second) {
  Settler settler = with_version_1();
  Stamp stamp = 20;
  for (auto at = 1s; at < 10s; at += 1s) {
    EXPECT_FALSE(
        settler.on_scan(of({model("m", {version(1, 10), version(2, ++stamp)})}), kStart + at));
    EXPECT_EQ(settler.next_scan(), kStart + at + 1s);
  }
  EXPECT_FALSE(
      settler.on_scan(of({model("m", {version(1, 10), version(2, stamp)})}), kStart + 9999ms));
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 10), version(2, stamp)})}), kStart + 10s));
  EXPECT_THAT(served(settler), ElementsAre(2));
}

TEST(Settler, a_new_model_is_unknown_until_it_has_settled) {
  Settler settler = with_version_1();
  const auto now_there = [] {
    return of({model("m", {version(1, 10)}), model("n", {version(1, 5)})});
  };
  EXPECT_FALSE(settler.on_scan(now_there(), kStart + 1s));
  EXPECT_EQ(settler.view().model("n"), nullptr);
  EXPECT_TRUE(settler.on_scan(now_there(), kStart + 2s));
  EXPECT_THAT(served(settler, "n"), ElementsAre(1));
}

TEST(Settler, a_model_whose_first_version_is_still_being_copied_is_no_model_without_version) {
  Settler settler = with_version_1();
  VersionOnDisk half = version(1, 5);
  half.error = Error{ErrorCode::not_found, "/r/n/1 has no model.onnx"};
  half.file.clear();
  EXPECT_FALSE(
      settler.on_scan(of({model("m", {version(1, 10)}), model("n", {half})}), kStart + 1s));
  half.stamp = 6;
  EXPECT_FALSE(
      settler.on_scan(of({model("m", {version(1, 10)}), model("n", {half})}), kStart + 3s));
  EXPECT_EQ(settler.view().model("n"), nullptr);
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 10)}), model("n", {half})}), kStart + 4s));
  ASSERT_NE(settler.view().model("n"), nullptr);
  EXPECT_THAT(settler.view().model("n")->model.error->detail, HasSubstr("has no model.onnx"));
  EXPECT_THAT(served(settler, "n"), ElementsAre());
}

TEST(Settler, a_changed_version_has_its_old_stamp_until_the_new_one_has_settled) {
  Settler settler = with_version_1();
  settler.on_scan(of({model("m", {version(1, 11)})}), kStart + 1s);
  EXPECT_EQ(settler.view().model("m")->model.version(1)->stamp, 10U);
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 11)})}), kStart + 2s));
  EXPECT_EQ(settler.view().model("m")->model.version(1)->stamp, 11U);
}

TEST(Settler, a_version_that_blinks_is_not_gone) {
  Settler settler = with_version_1();
  EXPECT_FALSE(settler.on_scan(of({}), kStart + 1s));
  EXPECT_FALSE(settler.on_scan(of({model("m", {version(1, 10)})}), kStart + 1500ms));
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_TRUE(settler.settled());
}

TEST(Settler, a_model_that_is_gone_for_a_second_is_gone) {
  Settler settler = with_version_1();
  EXPECT_FALSE(settler.on_scan(of({}), kStart + 1s));
  EXPECT_EQ(settler.next_scan(), kStart + 2s);
  EXPECT_TRUE(settler.on_scan(of({}), kStart + 2s));
  EXPECT_EQ(settler.view().model("m"), nullptr);
  EXPECT_TRUE(settler.settled());
}

TEST(Settler, a_model_without_any_version_left_is_no_longer_served) {
  Settler settler = with_version_1();
  settler.on_scan(of({model("m", {})}), kStart + 1s);
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_TRUE(settler.on_scan(of({model("m", {})}), kStart + 2s));
  EXPECT_THAT(served(settler), ElementsAre());
  EXPECT_THAT(settler.view().model("m")->model.error->detail, HasSubstr("no version in"));
}

TEST(Settler, a_root_that_cannot_be_read_unloads_nothing_and_is_tried_again) {
  Settler settler = with_version_1();
  const Error error{ErrorCode::unavailable, "/r: Input/output error"};
  EXPECT_TRUE(settler.on_scan(error, kStart + 1s));
  EXPECT_EQ(settler.view().error, error);
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_EQ(settler.next_scan(), kStart + 2s);
  EXPECT_FALSE(settler.on_scan(error, kStart + 2s));
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 10)})}), kStart + 3s));
  EXPECT_EQ(settler.view().error, std::nullopt);
  EXPECT_THAT(served(settler), ElementsAre(1));
}

TEST(Settler, a_model_that_cannot_be_read_stays_as_it_was) {
  Settler settler = with_version_1();
  ModelOnDisk dark = model("m", {});
  dark.unreadable = true;
  dark.config_error = Error{ErrorCode::unavailable, "/r/m: Permission denied"};
  judge(dark);
  EXPECT_TRUE(settler.on_scan(of({dark}), kStart + 1s));
  settler.on_scan(of({dark}), kStart + 5s);
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_THAT(settler.view().model("m")->refused->detail, HasSubstr("Permission denied"));
  EXPECT_TRUE(settler.on_scan(of({model("m", {version(1, 10)})}), kStart + 6s));
  EXPECT_EQ(settler.view().model("m")->refused, std::nullopt);
}

TEST(Settler, a_version_that_cannot_be_read_stays_as_it_was) {
  Settler settler = with_version_1();
  VersionOnDisk dark = version(1, 1);
  dark.unreadable = true;
  dark.error = Error{ErrorCode::unavailable, "/r/m/1: Permission denied"};
  settler.on_scan(of({model("m", {dark})}), kStart + 1s);
  settler.on_scan(of({model("m", {dark})}), kStart + 5s);
  EXPECT_THAT(served(settler), ElementsAre(1));
}

TEST(Settler, a_configuration_counts_once_it_has_settled) {
  Settler settler = with_version_1();
  const VersionPolicy all{.kind = VersionPolicy::Kind::all};
  const auto next = [&all] {
    return of({configured(model("m", {version(1, 10), version(2, 20)}), 7, all)});
  };
  EXPECT_FALSE(settler.on_scan(next(), kStart + 1s));
  EXPECT_TRUE(settler.on_scan(next(), kStart + 2s));
  EXPECT_THAT(served(settler), ElementsAre(1, 2));
}

TEST(Settler, a_wrong_configuration_changes_nothing_and_is_told) {
  Settler settler = with_version_1();
  const auto next = [] { return of({broken(model("m", {version(1, 10), version(2, 20)}), 7)}); };
  settler.on_scan(next(), kStart + 1s);
  EXPECT_TRUE(settler.on_scan(next(), kStart + 2s));
  const SettledModel* found = settler.view().model("m");
  EXPECT_THAT(found->selected(), ElementsAre(1));
  EXPECT_THAT(found->refused->detail, HasSubstr("config.pbtxt 1:1: bad"));
  const auto mended = [] { return of({model("m", {version(1, 10), version(2, 20)})}); };
  settler.on_scan(mended(), kStart + 3s);
  EXPECT_TRUE(settler.on_scan(mended(), kStart + 4s));
  EXPECT_THAT(served(settler), ElementsAre(2));
  EXPECT_EQ(settler.view().model("m")->refused, std::nullopt);
}

TEST(Settler, a_policy_that_chooses_nothing_keeps_what_was_served) {
  Settler settler = with_version_1();
  const VersionPolicy absent{.kind = VersionPolicy::Kind::specific, .versions = {9}};
  const auto next = [&absent] { return of({configured(model("m", {version(1, 10)}), 7, absent)}); };
  settler.on_scan(next(), kStart + 1s);
  EXPECT_TRUE(settler.on_scan(next(), kStart + 2s));
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_THAT(settler.view().model("m")->refused->detail, HasSubstr("chooses none"));
}

TEST(Settler, a_model_wrong_from_the_start_is_shown_with_its_error_beside_the_others) {
  Settler settler;
  ModelOnDisk bad = broken(model("bad", {version(1, 5, 1h)}), 7);
  bad.config_quiet = 1h;
  settler.on_scan(of({bad, model("m", {version(1, 10, 1h)})}), kStart);
  EXPECT_THAT(served(settler), ElementsAre(1));
  EXPECT_THAT(settler.view().model("bad")->model.error->detail, HasSubstr("bad"));
  EXPECT_THAT(served(settler, "bad"), ElementsAre());
}

TEST(Settler, a_failed_first_scan_is_not_the_start) {
  Settler settler;
  settler.on_scan(Error{ErrorCode::not_found, "/r"}, kStart);
  EXPECT_FALSE(settler.settled());
  settler.on_scan(of({model("m", {version(1, 10, 1h)})}), kStart + 1s);
  EXPECT_THAT(served(settler), ElementsAre(1));
}

}  // namespace
}  // namespace sluice::repository
