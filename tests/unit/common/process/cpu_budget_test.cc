#include "common/process/cpu_budget.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

// A /proc and a /sys/fs/cgroup of our own.
class CpuBudget : public testing::Test {
 protected:
  CpuBudget() {
    std::string pattern = (fs::temp_directory_path() / "sluice-cgroup-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
    files.proc = (root / "proc").string();
    files.cgroups = (root / "cgroup").string();
  }
  ~CpuBudget() override { fs::remove_all(root); }

  void in_groups(const std::string& lines) const { write("proc/self/cgroup", lines); }
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }

  fs::path root;
  KernelFiles files;
};

TEST_F(CpuBudget, no_control_groups_no_limit) {
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
  in_groups("0::/\n");
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
}

TEST_F(CpuBudget, version_2_takes_the_least_of_the_group_and_its_ancestors) {
  in_groups("0::/a/b\n");
  write("cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
  write("cgroup/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), 3);
  write("cgroup/a/b/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), 2);
}

TEST_F(CpuBudget, a_container_that_sees_only_its_own_group_at_the_root_is_limited_by_it) {
  in_groups("0::/docker/0123456789\n");
  write("cgroup/cpu.max", "100000 50000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), 2);
}

TEST_F(CpuBudget, less_than_one_cpu_is_one) {
  in_groups("0::/\n");
  write("cgroup/cpu.max", "20000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), 1);
}

TEST_F(CpuBudget, version_1_reads_quota_and_period) {
  in_groups("4:memory:/x\n2:cpu,cpuacct:/x\n0::/\n");
  write("cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n");
  write("cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
  write("cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "400000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), 4);
}

TEST_F(CpuBudget, version_1_of_cpuset_or_cpuacct_alone_is_not_about_quotas) {
  in_groups("3:cpuset:/x\n2:cpuacct:/x\n");
  write("cgroup/cpuset/x/cpu.cfs_quota_us", "100000\n");
  write("cgroup/cpuset/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
}

TEST_F(CpuBudget, nonsense_in_the_files_is_no_limit) {
  in_groups("0::/\nnonsense\n1:cpu\n:::\n");
  write("cgroup/cpu.max", "lots 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
  write("cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(cgroup_cpu_limit(files), std::nullopt);
}

TEST_F(CpuBudget, is_the_least_of_what_is_wanted_and_what_there_is) {
  in_groups("0::/\n");
  write("cgroup/cpu.max", "100000 100000\n");
  EXPECT_EQ(cpu_budget(std::nullopt, files), 1);
  EXPECT_EQ(cpu_budget(1, files), 1);
  EXPECT_EQ(cpu_budget(64, files), 1);
  EXPECT_GE(cpu_budget(std::nullopt), 1);
}

}  // namespace
}  // namespace sluice
