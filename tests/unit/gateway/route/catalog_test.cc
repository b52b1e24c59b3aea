#include "gateway/route/catalog.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

class Names : public ::testing::Test {
 protected:
  Version& version(std::int64_t number) {
    Model& model = catalog_.at(catalog_.intern("digits"));
    return model.versions[Catalog::intern_version(model, number)];
  }
  const Model& model() { return catalog_.at(catalog_.intern("digits")); }

  Catalog catalog_{10, 100};
};

TEST_F(Names, AreKnownOnceInterned) {
  EXPECT_EQ(catalog_.find("digits"), kNone);
  const std::uint32_t index = catalog_.intern("digits");
  EXPECT_EQ(catalog_.find("digits"), index);
  EXPECT_EQ(catalog_.intern("digits"), index);
  EXPECT_NE(catalog_.intern("add"), index);
  EXPECT_EQ(catalog_.size(), 2U);
}

TEST_F(Names, AreBounded) {
  for (std::size_t i = 0; i < limits::kModelsPerShard; ++i) {
    EXPECT_NE(catalog_.intern("m" + std::to_string(i)), kNone);
  }
  EXPECT_EQ(catalog_.intern("one more"), kNone);
  EXPECT_NE(catalog_.intern("m0"), kNone);
}

constexpr auto kNotFound = ErrorCode::not_found;

struct Place {
  const char* why;
  Version version;
  std::optional<std::int64_t> asked;
  std::optional<ErrorCode> refusal;
};

constexpr auto kExpected = VersionState::expected;
constexpr auto kDraining = VersionState::draining;
constexpr auto kFailed = VersionState::failed;

const Place kPlaces[] = {
    {"a worker is attached", {.number = 1, .declared = kExpected, .hopeful = 1}, 1, {}},
    {"any version", {.number = 1, .declared = kExpected, .weight = 1, .hopeful = 1}, {}, {}},
    {"another version", {.number = 1, .declared = kExpected, .hopeful = 1}, 2, kNotFound},
    {"one is expected", {.number = 1, .declared = kExpected}, 1, {}},
    {"one without a weight is expected", {.number = 1, .declared = kExpected}, {}, {}},
    {"never named by control", {.number = 1, .links = 1}, 1, kNotFound},
    {"the same, unversioned", {.number = 1, .links = 1}, {}, kNotFound},
    {"draining, by name", {.number = 1, .declared = kDraining, .hopeful = 1}, 1, kNotFound},
    {"draining", {.number = 1, .declared = kDraining, .weight = 1, .hopeful = 1}, {}, kNotFound},
    {"it has failed", {.number = 1, .declared = kFailed}, 1, ErrorCode::unavailable},
    {"failed, unversioned", {.number = 1, .declared = kFailed}, {}, ErrorCode::unavailable},
    {"failed, but a worker came",
     {.number = 1, .declared = kFailed, .weight = 1, .links = 1, .hopeful = 1},
     {},
     {}},
};

TEST(Resolve, ADrainingVersionIsClosedToNewRequestsAndOpenToAcceptedOnes) {
  Catalog catalog(10, 100);
  Model& model = catalog.at(catalog.intern("digits"));
  model.versions.push_back({.number = 1, .declared = kDraining});
  EXPECT_EQ(resolve(model, 1).error(),
            (Error{ErrorCode::not_found, "model 'digits' has no version 1"}));
  EXPECT_FALSE(hopeless(model, 0));
}

TEST(Resolve, AModelThatIsExpectedMakesUnversionedRequestsWait) {
  Catalog catalog(10, 100);
  Model& model = catalog.at(catalog.intern("digits"));
  model.expected = true;
  EXPECT_EQ(*resolve(model, std::nullopt), kNone);
  EXPECT_EQ(resolve(model, 1).error().code, ErrorCode::not_found);
}

TEST(Resolve, SaysWhereARequestMayGoOrWhyNot) {
  for (const Place& place : kPlaces) {
    Catalog catalog(10, 100);
    Model& model = catalog.at(catalog.intern("digits"));
    model.versions.push_back(place.version);
    const auto resolved = resolve(model, place.asked);
    if (place.refusal) {
      ASSERT_FALSE(resolved) << place.why;
      EXPECT_EQ(resolved.error().code, *place.refusal) << place.why;
    } else {
      ASSERT_TRUE(resolved) << place.why;
      EXPECT_EQ(*resolved, place.asked ? 0U : kNone) << place.why;
    }
  }
}

TEST_F(Names, FailureIsToldInItsOwnWords) {
  version(3).declared = VersionState::failed;
  version(3).reason = "no kernel for Foo";
  EXPECT_EQ(resolve(model(), std::nullopt).error().detail,
            "version 3 of model 'digits' has failed: no kernel for Foo");
  EXPECT_EQ(resolve(model(), 4).error().detail, "model 'digits' has no version 4");
}

TEST_F(Names, AModelOfWhichNothingCanBeUsedHasNoVersionToName) {
  version(0).declared = VersionState::failed;
  version(0).reason = "backend 'x' is not offered here";
  EXPECT_EQ(resolve(model(), std::nullopt).error().detail,
            "model 'digits' has failed: backend 'x' is not offered here");
}

TEST(TakesAny, NeedsAWeightAndAVersionThatIsNotLeaving) {
  EXPECT_TRUE((Version{.declared = kExpected, .weight = 1}).takes_any());
  EXPECT_TRUE((Version{.declared = kFailed, .weight = 1}).takes_any());
  EXPECT_FALSE((Version{.declared = kExpected}).takes_any());
  EXPECT_FALSE((Version{.declared = kDraining, .weight = 1}).takes_any());
  EXPECT_FALSE((Version{.weight = 1}).takes_any());
}

TEST_F(Names, RetiredVersionsMakePlaceForNewOnes) {
  for (std::int64_t number = 1; number <= 1'000; ++number) {
    Model& model = catalog_.at(catalog_.intern("digits"));
    const std::uint32_t place = Catalog::intern_version(model, number);
    ASSERT_NE(place, kNone) << number;
    model.versions[place].declared = VersionState::expected;
    model.versions[place].declared.reset();
  }
}

TEST_F(Names, VersionsInUseKeepTheirPlaceAndAreBounded) {
  Model& model = catalog_.at(catalog_.intern("digits"));
  for (std::size_t i = 0; i < limits::kVersionsPerModel; ++i) {
    const std::uint32_t place = Catalog::intern_version(model, static_cast<std::int64_t>(i) + 1);
    ASSERT_EQ(place, i);
    model.versions[place].named = 1;
  }
  EXPECT_EQ(Catalog::intern_version(model, 999), kNone);
  model.versions[5].named = 0;
  EXPECT_EQ(Catalog::intern_version(model, 999), 5U);
}

}  // namespace
}  // namespace sluice::gateway
