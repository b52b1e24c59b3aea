#include "worker/serve/suspects.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/process/unique_fd.h"

namespace sluice::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Suspects, AreReadByWhoeverHasTheDescriptor) {
  auto made = new_suspects_fd();
  ASSERT_TRUE(made);
  const UniqueFd fd(*made);
  auto mapped = Suspects::map(fd.get());
  ASSERT_TRUE(mapped);
  Suspects suspects = *std::move(mapped);
  EXPECT_THAT(*read_suspects(fd.get()), IsEmpty());
  suspects.begin(0, std::vector<RequestId>{7, 8, 9});
  suspects.begin(kSuspectSlots - 1, std::vector<RequestId>{0xffffffffffffffff});
  EXPECT_THAT(*read_suspects(fd.get()), ElementsAre(7, 8, 9, 0xffffffffffffffff));
  suspects.end(0, 3);
  EXPECT_THAT(*read_suspects(fd.get()), ElementsAre(0xffffffffffffffff));
}

TEST(Suspects, OutliveTheirMapping) {
  auto made = new_suspects_fd();
  ASSERT_TRUE(made);
  const UniqueFd fd(*made);
  {
    auto suspects = Suspects::map(fd.get());
    ASSERT_TRUE(suspects);
    suspects->begin(3, std::vector<RequestId>{42});
  }
  EXPECT_THAT(*read_suspects(fd.get()), ElementsAre(42));
}

TEST(Suspects, OfAWorkerStartedByHandGoNowhere) {
  Suspects suspects;
  suspects.begin(0, std::vector<RequestId>{1});
  suspects.end(0, 1);
}

TEST(Suspects, RefuseADescriptorThatIsNone) {
  EXPECT_FALSE(Suspects::map(-1));
  EXPECT_FALSE(read_suspects(-1));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  EXPECT_FALSE(Suspects::map(ends[0]));
}

}  // namespace
}  // namespace sluice::worker
