#include "common/process/memory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

class Memory : public testing::Test {
 protected:
  Memory() {
    std::string pattern = (fs::temp_directory_path() / "sluice-memory-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
    files.proc = (root / "proc").string();
    files.cgroups = (root / "cgroup").string();
  }
  ~Memory() override { fs::remove_all(root); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }

  fs::path root;
  KernelFiles files;
};

TEST_F(Memory, NothingIsSaidWhereTheKernelSaysNothing) {
  EXPECT_EQ(memory_available(files), std::nullopt);
  EXPECT_EQ(memory_use(files).share, 0U);
  EXPECT_EQ(memory_use(files).peak, 0U);
}

TEST_F(Memory, WhatIsAvailableIsTheLeastOfMachineAndGroups) {
  write("proc/meminfo", "MemTotal:       4000 kB\nMemFree: 10 kB\nMemAvailable:    3000 kB\n");
  EXPECT_EQ(memory_available(files), 3000U * 1024);
  write("proc/self/cgroup", "0::/a/b\n");
  write("cgroup/a/b/memory.max", "max\n");
  write("cgroup/a/b/memory.current", "1000\n");
  EXPECT_EQ(memory_available(files), 3000U * 1024);
  write("cgroup/a/memory.max", "2000000\n");
  write("cgroup/a/memory.current", "1500000\n");
  EXPECT_EQ(memory_available(files), 500'000U);
  write("cgroup/a/memory.stat", "anon 1\ninactive_file 400000\nactive_file 7\n");
  EXPECT_EQ(memory_available(files), 900'000U) << "pages of files can be dropped";
  write("cgroup/a/b/memory.max", "900\n");
  EXPECT_EQ(memory_available(files), 0U) << "over its limit";
}

TEST_F(Memory, GroupsOfVersion1CountAsWell) {
  write("proc/meminfo", "MemAvailable:    3000 kB\n");
  write("proc/self/cgroup", "4:memory:/jobs\n1:cpu:/other\n");
  write("cgroup/memory/jobs/memory.limit_in_bytes", "100000\n");
  write("cgroup/memory/jobs/memory.usage_in_bytes", "60000\n");
  write("cgroup/memory/jobs/memory.stat", "cache 1\ntotal_inactive_file 10000\n");
  write("cgroup/memory/other/memory.limit_in_bytes", "1\n");
  EXPECT_EQ(memory_available(files), 50'000U);
}

TEST_F(Memory, AllThatThereIsIsTheLeastOfMachineAndGroups) {
  EXPECT_EQ(memory_in_all(files), std::nullopt);
  write("proc/self/cgroup", "0::/a/b\n");
  write("proc/meminfo", "MemTotal:       4000 kB\nMemAvailable:    3000 kB\n");
  write("cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(memory_in_all(files), 4000U * 1024);
  write("cgroup/a/memory.max", "2000000\n");
  EXPECT_EQ(memory_in_all(files), 2'000'000U) << "whatever is in use";
}

TEST_F(Memory, ThePeakOfAnotherProcessIsReadFromProc) {
  write("proc/77/status", "Name:\tx\nVmHWM:\t    4096 kB\n");
  EXPECT_EQ(memory_peak_of(77, files), 4096U * 1024);
  EXPECT_EQ(memory_peak_of(78, files), 0U);
}

TEST_F(Memory, WhatIsTakenIsReadFromProc) {
  write("proc/self/smaps_rollup", "7f-8f ---p 0 [rollup]\nRss:   200 kB\nPss:    120 kB\n");
  write("proc/self/status", "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t 1 kB\n");
  EXPECT_EQ(memory_use(files).share, 120U * 1024);
  EXPECT_EQ(memory_use(files).peak, 4096U * 1024);
}

TEST_F(Memory, ThisProcessGrowsWithWhatItTouches) {
  const MemoryUse before = memory_use();
  ASSERT_GT(before.share, 0U);
  const std::vector<char> touched(64 << 20, 'x');
  const MemoryUse after = memory_use();
  EXPECT_GE(after.share, before.share + (48U << 20)) << touched[1];
  EXPECT_GE(after.peak, after.share / 2);
  EXPECT_GT(memory_available().value_or(1), 0U);
}

}  // namespace
}  // namespace sluice
