#include "gateway/control/version_policy.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using Kind = link::VersionPolicy::Kind;
using Versions = std::vector<std::int64_t>;

TEST(VersionPolicy, SaysWhichOfThoseThereAreWanted) {
  struct Case {
    link::VersionPolicy policy;
    std::optional<Pin> pin;
    Versions there;
    Versions wanted;
    std::string note;
  };
  const std::vector<Case> cases = {
      {{Kind::latest, 1, {}}, {}, {1, 3, 7}, {7}, ""},
      {{Kind::latest, 2, {}}, {}, {1, 3, 7}, {3, 7}, ""},
      {{Kind::latest, 9, {}}, {}, {1, 3, 7}, {1, 3, 7}, ""},
      {{Kind::latest, 0, {}}, {}, {1, 3, 7}, {7}, ""},
      {{Kind::latest, 1, {}}, {}, {}, {}, ""},
      {{Kind::all, 1, {}}, {}, {1, 3, 7}, {1, 3, 7}, ""},
      {{Kind::specific, 1, {7, 1}}, {}, {1, 3, 7}, {1, 7}, ""},
      {{Kind::specific, 1, {3, 3}}, {}, {1, 3, 7}, {3}, ""},
      {{Kind::specific, 1, {2}},
       {},
       {1, 3},
       {},
       "the version policy wants version 2, not in the repository; it has 1, 3"},
      {{Kind::specific, 1, {9, 3, 2}},
       {},
       {1, 3},
       {3},
       "the version policy wants versions 2, 9, not in the repository; it has 1, 3"},
      {{Kind::latest, 1, {}}, Pin{{3}}, {1, 3, 7}, {3}, ""},
      {{Kind::all, 1, {}}, Pin{}, {1, 3, 7}, {}, ""},
      {{Kind::latest, 1, {}},
       Pin{{4}},
       {},
       {},
       "the pin wants version 4, not in the repository; it has none"},
  };
  for (const Case& each : cases) {
    const WantedVersions wanted = wanted_versions(each.policy, each.pin, each.there);
    EXPECT_EQ(wanted.versions, each.wanted);
    EXPECT_EQ(wanted.note, each.note);
  }
}

}  // namespace
}  // namespace sluice::gateway
