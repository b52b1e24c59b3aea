#include "cluster/prove/report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

Histogram of(int count, Duration latency) {
  Histogram histogram;
  for (int i = 0; i < count; ++i) {
    histogram.add(latency);
  }
  return histogram;
}

Findings passing() {
  Findings findings;
  findings.model = "m";
  findings.url = "http://127.0.0.1:8000";
  findings.versions = {2, 1};
  findings.connections = 64;
  findings.request_bytes = 300;
  findings.capacity = 8'000;
  findings.rate = 4'000;
  findings.swaps_wanted = 1;
  findings.swaps = {{.from = 2, .to = 1, .done = true, .reason = "", .took = milliseconds(400)}};
  findings.totals.sent = 5'000;
  findings.totals.ok = 5'000;
  findings.totals.by_version = {{1, 2'000}, {2, 3'000}};
  findings.quiet_a = of(1'000, milliseconds(1));
  findings.quiet_b = of(1'000, milliseconds(1));
  findings.during = of(3'000, milliseconds(1));
  findings.comparison = {.judged = true, .ratio = 1.1, .control = 1, .control_bound = 1.05};
  findings.before = MemoryUse{2'048, 5};
  findings.after = MemoryUse{3'072, 5};
  return findings;
}

TEST(Report, SaysEveryFigureWithItsUnit) {
  EXPECT_EQ(report_text(passing()),
            R"(prove-swap    m at http://127.0.0.1:8000
load          4000 requests/s, open loop, 64 connections, 300 bytes a request
capacity      8000 requests/s, closed loop; the load is half of it unless told
sent          5000 requests, each with its own id
answered      5000 ok: 2000 by version 1, 3000 by version 2
failed        0 by an error, 0 lost, 0 never sent, 0 connections refused
wrong         0 version, 0 id; 0 duplicated; 0 over 50 ms past their deadline
latency, ms, from the scheduled moment
                answers       p50       p99       max    failed
  quiet            2000     1.000     1.000     1.000         0
  swap             3000     1.000     1.000     1.000         0
  quiet A          1000     1.000     1.000     1.000
  quiet B          1000     1.000     1.000     1.000
p99           swap / quiet 1.10, allowed 1.20; control B / A 1.00, 95 % bound 1.05
swaps         1 of 1 between versions 2 and 1; order to done p50 400 ms, max 400 ms
memory        PSS 2.0 MB before (5 processes), 3.0 MB after (5)
verdict       passed
)");
}

TEST(Report, SaysWhatMemoryEachVersionTook) {
  Findings findings = passing();
  for (const auto& [version, kb] : {std::pair{1, 2'048U}, {2, 3'072U}, {1, 4'096U}, {1, 3'072U}}) {
    findings.swaps.push_back(
        {.from = 0, .to = version, .done = true, .took = {}, .memory = MemoryUse{kb, 4}});
  }
  EXPECT_NE(report_text(findings).find(
                "              with version 1: 2.0 MB after the first swap to it, 3.0 after the "
                "last, 4.0 at most\n"
                "              with version 2: 3.0 MB after the first swap to it, 3.0 after the "
                "last, 3.0 at most\n"),
            std::string::npos);
}

TEST(Report, SaysWhatOthersSwappedWhenOnlyTheLoadWasWanted) {
  Findings findings = passing();
  findings.swaps_wanted = 0;
  findings.comparison = {};
  findings.swaps.push_back({.from = 1, .to = 3, .done = false, .reason = "NaN", .took = {}});
  const std::string text = report_text(findings);
  EXPECT_NE(text.find("  rollouts         3000     1.000     1.000     1.000         0\n"
                      "seen          a rollout from version 2 to 1: done in 400 ms\n"
                      "seen          a rollout from version 1 to 3: rolled back: NaN\n"),
            std::string::npos)
      << text;
  EXPECT_THAT(objections(findings), ElementsAre());
}

TEST(Report, JsonHasTheSame) {
  const auto json = nlohmann::json::parse(report_json(passing()));
  EXPECT_EQ(json["passed"], true);
  EXPECT_EQ(json["requests"]["sent"], 5'000);
  EXPECT_EQ(json["requests"]["ok_by_version"]["1"], 2'000);
  EXPECT_EQ(json["latency"]["swap"]["answers"], 3'000);
  EXPECT_EQ(json["p99"]["swap_over_quiet"], 1.1);
  EXPECT_EQ(json["memory"]["after"]["pss_kb"], 3'072);
  EXPECT_EQ(json["swaps"][0]["ms"], 400.0);
}

TEST(Report, ObjectsToEachThingThatIsWrong) {
  struct Case {
    const char* why;
    void (*spoil)(Findings&);
  };
  const Case cases[] = {
      {"not every request was answered rightly, once and in time",
       [](Findings& f) { f.totals.ok -= 1; }},
      {"not every request was answered rightly, once and in time",
       [](Findings& f) { f.totals.duplicated = 1; }},
      {"not every request was answered rightly, once and in time",
       [](Findings& f) { f.totals.late = 1; }},
      {"1 of 1 swaps were rolled back", [](Findings& f) { f.swaps[0].done = false; }},
      {"1 of 2 swaps were made", [](Findings& f) { f.swaps_wanted = 2; }},
      {"too few answers to judge latency: each kind of window needs 1000",
       [](Findings& f) { f.comparison = {}; }},
      {"latency during swaps is above what is allowed",
       [](Findings& f) { f.comparison.ratio = 1.21; }},
      {"still there", [](Findings& f) { f.not_put_back = "still there"; }},
      {"somebody else", [](Findings& f) { f.trouble = "somebody else"; }},
  };
  EXPECT_THAT(objections(passing()), ElementsAre());
  for (const Case& one : cases) {
    Findings findings = passing();
    one.spoil(findings);
    EXPECT_THAT(objections(findings), ElementsAre(one.why));
    EXPECT_NE(report_text(findings).find("not passed\n"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::cluster
