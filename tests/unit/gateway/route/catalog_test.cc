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

struct Place {
  const char* why;
  Version version;
  std::optional<std::int64_t> asked;
  std::optional<ErrorCode> refusal;
};

const Place kPlaces[] = {
    {"a worker is attached", {.number = 1, .links = 1, .hopeful = 1}, 1, std::nullopt},
    {"any version of it", {.number = 1, .links = 1, .hopeful = 1}, std::nullopt, std::nullopt},
    {"another version", {.number = 1, .links = 1, .hopeful = 1}, 2, ErrorCode::not_found},
    {"one is expected", {.number = 1, .declared = VersionState::expected}, 1, std::nullopt},
    {"one is expected back", {.number = 1, .lost = true}, std::nullopt, std::nullopt},
    {"its last worker left with farewell", {.number = 1}, 1, ErrorCode::unavailable},
    {"the same, unversioned", {.number = 1}, std::nullopt, ErrorCode::unavailable},
    {"it has failed", {.number = 1, .declared = VersionState::failed}, 1, ErrorCode::unavailable},
    {"failed, unversioned",
     {.number = 1, .declared = VersionState::failed},
     std::nullopt,
     ErrorCode::unavailable},
    {"failed, but a worker came",
     {.number = 1, .declared = VersionState::failed, .links = 1, .hopeful = 1},
     1,
     std::nullopt},
    {"retired with a worker still there",
     {.number = 1, .declared = VersionState::retired, .links = 1, .hopeful = 1},
     1,
     ErrorCode::not_found},
    {"retired, unversioned",
     {.number = 1, .declared = VersionState::retired, .links = 1, .hopeful = 1},
     std::nullopt,
     ErrorCode::not_found},
};

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

TEST_F(Names, RoutesKeepUnversionedRequestsFromOtherVersions) {
  version(1).hopeful = 1;
  version(2).hopeful = 1;
  Model& model = catalog_.at(catalog_.intern("digits"));
  EXPECT_TRUE(model.takes_any(version(1)));
  model.routes_set = true;
  version(2).routed = true;
  EXPECT_FALSE(model.takes_any(version(1)));
  EXPECT_TRUE(model.takes_any(version(2)));
  EXPECT_TRUE(resolve(model, 1));  // by name it is still served
}

TEST_F(Names, RetiredVersionsMakePlaceForNewOnes) {
  for (std::int64_t number = 1; number <= 1'000; ++number) {
    Model& model = catalog_.at(catalog_.intern("digits"));
    const std::uint32_t place = Catalog::intern_version(model, number);
    ASSERT_NE(place, kNone) << number;
    model.versions[place].declared = VersionState::retired;
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
