// However the bytes of a connection are cut, the same requests come out and the same answers go
// back.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/protocol/http/cases.h"
#include "tests/unit/gateway/net/core_driver.h"

namespace sluice::gateway {
namespace {

struct Outcome {
  std::vector<std::string> requests;
  std::string output;
  bool shut = false;
  bool operator==(const Outcome&) const = default;
};

template <class PieceSize>
Outcome outcome_of(std::string_view bytes, PieceSize&& piece_size) {
  CoreDriver driver;
  driver.echo = true;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(piece_size(), bytes.size());
    if (!driver.send(bytes.substr(0, size))) {
      break;
    }
    bytes.remove_prefix(size);
  }
  // An interim answer depends on whether the body came along; nothing else may.
  for (std::size_t at = 0;
       (at = driver.output.find("HTTP/1.1 100 Continue\r\n\r\n")) != std::string::npos;) {
    driver.output.erase(at, 25);
  }
  return {driver.requests, driver.output, driver.write_shut};
}

TEST(HttpSplit, EveryCaseByteByByteIsTheSameAsAtOnce) {
  for (const FramingCase& each : framing_cases()) {
    const Outcome whole = outcome_of(each.bytes, [] { return SIZE_MAX; });
    EXPECT_EQ(outcome_of(each.bytes, [] { return std::size_t{1}; }), whole) << each.name;
  }
}

TEST(HttpSplit, TheCoreAnswersEachCaseAsListed) {
  for (const FramingCase& each : framing_cases()) {
    CoreDriver driver;
    driver.echo = true;
    driver.send(each.bytes);
    ASSERT_FALSE(driver.statuses().empty()) << each.name;
    EXPECT_EQ(driver.statuses().front(), each.ours) << each.name;
    EXPECT_EQ(driver.requests.empty(), each.ours != 200) << each.name;
  }
}

// Requests of all framings one after the other, then perhaps something refused.
std::string conversation(std::mt19937_64& random) {
  std::string all;
  const auto below = [&random](std::uint64_t limit) { return random() % limit; };
  const std::uint64_t count = 1 + below(5);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string body(below(4) == 0 ? below(40'000) : below(200), static_cast<char>('a' + i));
    const std::string head = "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n";
    const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
    switch (below(4)) {
      case 0:
        all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
        break;
      case 1:
        all += head + length + "\r\n" + body;
        break;
      case 2:
        all += head + length + "Expect: 100-continue\r\n\r\n" + body;
        break;
      default: {
        all += head + "Transfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < body.size();) {
          const std::size_t size = std::min<std::size_t>(body.size() - at, 1 + below(9'000));
          char digits[32];
          static_cast<void>(std::snprintf(digits, sizeof digits, "%zx\r\n", size));
          all += digits + body.substr(at, size) + "\r\n";
          at += size;
        }
        all += "0\r\n\r\n";
      }
    }
    all += below(8) == 0 ? "\r\n" : "";
  }
  const auto& cases = framing_cases();
  const std::string& last = cases[below(cases.size())].bytes;
  return last.size() < 20'000 ? all + last : all;
}

TEST(HttpSplit, RandomConversationsCutAtRandomAreTheSameAsAtOnce) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    std::mt19937_64 random(seed);
    const std::string bytes = conversation(random);
    const Outcome whole = outcome_of(bytes, [] { return SIZE_MAX; });
    const std::size_t longest = std::size_t{1} << (random() % 15);
    EXPECT_EQ(outcome_of(bytes, [&] { return 1 + random() % longest; }), whole) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::gateway
