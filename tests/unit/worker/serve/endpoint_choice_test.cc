#include "worker/serve/endpoint_choice.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using Endpoints = std::vector<std::string>;

TEST(EndpointChoice, TakesTheTransportByWhichControlWasReached) {
  const Endpoints offered{"ipc:///run/shard-0.sock",
                          "tcp://10.0.0.1:7001",
                          "ipc:///run/shard-1.sock",
                          "tcp://10.0.0.1:7002"};
  EXPECT_EQ(choose_endpoints("ipc:///run/control.sock", offered),
            (Endpoints{"ipc:///run/shard-0.sock", "ipc:///run/shard-1.sock"}));
  EXPECT_EQ(choose_endpoints("tcp://10.0.0.1:7000", offered),
            (Endpoints{"tcp://10.0.0.1:7001", "tcp://10.0.0.1:7002"}));
}

TEST(EndpointChoice, PutsTheDialledHostInPlaceOfAllInterfaces) {
  const struct {
    std::string control;
    std::string offered;
    std::string expected;
  } rows[] = {
      {"tcp://gateway:7000", "tcp://0.0.0.0:7001", "tcp://gateway:7001"},
      {"tcp://10.1.1.1:7000", "tcp://*:7001", "tcp://10.1.1.1:7001"},
      {"tcp://[fe80::1]:7000", "tcp://[::]:7001", "tcp://[fe80::1]:7001"},
      {"tcp://gateway:7000", "tcp://other:7001", "tcp://other:7001"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(choose_endpoints(row.control, {row.offered}), Endpoints{row.expected});
  }
}

TEST(EndpointChoice, DialsNothingTwiceAndNothingStrange) {
  EXPECT_EQ(choose_endpoints("ipc:///c", {"ipc:///s", "ipc:///s", "garbage", ""}),
            Endpoints{"ipc:///s"});
  EXPECT_EQ(choose_endpoints("tcp://a:1", {"tcp://", "tcp://x"}).size(), 2U);
}

}  // namespace
}  // namespace sluice::worker
