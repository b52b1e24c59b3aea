#include "gateway/control/state_file.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace sluice::gateway {
namespace {

FleetMemory pinned(std::int64_t version) {
  ModelMemory model;
  model.pin = Pin{{version}};
  return {1, {{"m", model}}};
}

class StateFileTest : public testing::Test {
 protected:
  test::TempDir dir;
  const std::string path = dir / "state.json";
};

TEST_F(StateFileTest, WhatIsKeptIsLoadedByTheNextOne) {
  StateFile file(path);
  EXPECT_EQ(file.load(), FleetMemory());
  file.keep(pinned(1));
  file.keep(pinned(2));
  EXPECT_EQ(StateFile(path).load(), pinned(2));
}

TEST_F(StateFileTest, ADamagedOneIsMovedAsideAndNothingIsRemembered) {
  static_cast<void>(dir.write("state.json", "{ half"));
  StateFile file(path);
  EXPECT_EQ(file.load(), FleetMemory());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
  file.keep(pinned(1));
  EXPECT_EQ(StateFile(path).load(), pinned(1));
}

TEST_F(StateFileTest, OneThatCannotBeWrittenIsAnErrorUntilItCan) {
  const std::string folder = dir / "later";
  StateFile file(folder + "/state.json");
  file.keep(pinned(1));
  const auto refused = file.check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_NE(refused.error().detail.find("No such file or directory"), std::string::npos)
      << refused.error().detail;
  std::filesystem::create_directory(folder);
  EXPECT_TRUE(file.check());
  EXPECT_EQ(StateFile(folder + "/state.json").load(), pinned(1)) << "what was to be kept is";
}

TEST_F(StateFileTest, WithoutAPathNothingIsKept) {
  StateFile file("");
  file.keep(pinned(1));
  EXPECT_TRUE(file.check());
  EXPECT_EQ(file.load(), FleetMemory());
}

}  // namespace
}  // namespace sluice::gateway
