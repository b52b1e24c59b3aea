#include "cluster/prove/memory_use.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace sluice::cluster {
namespace {

// A folder like /proc.
class FakeProc {
 public:
  void add(int pid, int parent, const std::string& command, int pss) {
    const std::string folder = std::to_string(pid) + "/";
    put(folder + "stat", std::to_string(pid) + " (a ) b) S " + std::to_string(parent) + " 1");
    std::string line = "sluice";
    line += '\0';
    line += command;
    line += '\0';
    put(folder + "cmdline", line);
    put(folder + "smaps_rollup",
        "55 [rollup]\nRss:   9999 kB\nPss:      " + std::to_string(pss) + " kB\nPss_Anon: 1 kB\n");
  }
  [[nodiscard]] std::string path() const { return dir_.path(); }

 private:
  void put(const std::string& path, const std::string& text) {
    EXPECT_FALSE(dir_.write(path, text).empty());
  }
  test::TempDir dir_;
};

TEST(Memory, IsOfTheWholeTreeAboveAWorker) {
  FakeProc proc;
  proc.add(1, 0, "init", 1'000'000);
  proc.add(10, 1, "serve", 1);
  proc.add(11, 10, "gateway", 10);
  proc.add(12, 10, "node", 100);
  proc.add(13, 12, "worker", 1'000);
  proc.add(14, 12, "worker", 10'000);
  proc.add(15, 1, "serve", 500'000);  // another cluster
  const std::vector<pid_t> workers = {13, 14};
  const auto use = memory_of_cluster(workers, proc.path());
  ASSERT_TRUE(use) << use.error().detail;
  EXPECT_EQ(use->pss_kb, 11'111U);
  EXPECT_EQ(use->processes, 5U);
}

TEST(Memory, IsOfTheNodeWhereThereIsNoServe) {
  FakeProc proc;
  proc.add(1, 0, "init", 1'000'000);
  proc.add(12, 1, "node", 100);
  proc.add(13, 12, "worker", 1'000);
  const std::vector<pid_t> workers = {13};
  const auto use = memory_of_cluster(workers, proc.path());
  ASSERT_TRUE(use) << use.error().detail;
  EXPECT_EQ(use->pss_kb, 1'100U);
}

TEST(Memory, OfAnotherHostsWorkersIsLeftOut) {
  FakeProc proc;
  proc.add(13, 1, "something", 1);
  const std::vector<pid_t> other = {13};
  const std::vector<pid_t> none;
  EXPECT_EQ(memory_of_cluster(other, proc.path()).error().detail,
            "worker 13 is no process of this host");
  EXPECT_EQ(memory_of_cluster(none, proc.path()).error().detail, "no worker has a process");
  EXPECT_FALSE(pss_of("Rss: 3 kB\n"));
}

}  // namespace
}  // namespace sluice::cluster
