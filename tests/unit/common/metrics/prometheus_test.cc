#include "common/metrics/prometheus.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::metrics {
namespace {

using namespace std::chrono_literals;

TEST(Prometheus, PrintsHelpTypeAndSeriesInOrder) {
  Registry registry;
  Block& block = registry.add_block();
  block.counter(kRequestsTotal, {"m", "1", "v2", "ok"}).add(12);
  block.gauge(kQueueDepth, {"m", "1"}).set(-1);
  block.counter(kErrorsTotal, {"retry"}).add(2);
  block.counter(kErrorsTotal, {"late_reply"});
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP sluice_errors_total Things that went wrong, by kind.\n"
            "# TYPE sluice_errors_total counter\n"
            "sluice_errors_total{kind=\"late_reply\"} 0\n"
            "sluice_errors_total{kind=\"retry\"} 2\n"
            "# HELP sluice_queue_depth Requests waiting in the gateway for a worker.\n"
            "# TYPE sluice_queue_depth gauge\n"
            "sluice_queue_depth{model=\"m\",version=\"1\"} -1\n"
            "# HELP sluice_requests_total Inference requests answered.\n"
            "# TYPE sluice_requests_total counter\n"
            "sluice_requests_total{model=\"m\",version=\"1\",protocol=\"v2\",code=\"ok\"} 12\n");
}

TEST(Prometheus, PrintsCumulativeBucketsSumAndCount) {
  Registry registry;
  Histogram& histogram = registry.add_block().histogram(kRequestSeconds, {"m", "1", "compute"});
  histogram.observe(1us);
  histogram.observe(3us);
  histogram.observe(1h);
  const std::string text = registry.prometheus_text();
  const std::string labels = "{model=\"m\",version=\"1\",phase=\"compute\"";
  for (const char* line : {",le=\"1e-06\"} 1\n",
                           ",le=\"2e-06\"} 1\n",
                           ",le=\"3e-06\"} 2\n",
                           ",le=\"0.001024\"} 2\n",
                           ",le=\"134.217728\"} 2\n",
                           ",le=\"+Inf\"} 3\n"}) {
    EXPECT_NE(text.find("sluice_request_seconds_bucket" + labels + line), std::string::npos)
        << line;
  }
  EXPECT_NE(text.find("sluice_request_seconds_sum" + labels + "} 3600.000004\n"),
            std::string::npos);
  EXPECT_NE(text.find("sluice_request_seconds_count" + labels + "} 3\n"), std::string::npos);
}

TEST(Prometheus, EscapesLabels) {
  Registry registry;
  registry.add_block().counter(kErrorsTotal, {"a\"b\\c\nd"});
  EXPECT_NE(registry.prometheus_text().find("{kind=\"a\\\"b\\\\c\\nd\"} 0\n"), std::string::npos);
}

TEST(Prometheus, PutsAModelsTagsBehindTheLabelsOfItsSeriesAlone) {
  Registry registry;
  Block& block = registry.add_block();
  block.gauge(kQueueDepth, {"m", "1"}).set(2);
  block.gauge(kQueueDepth, {"other", ""}).set(3);
  block.counter(kErrorsTotal, {"m"});
  block.histogram(kRequestSeconds, {"m", "1", "compute"});
  const std::string text = registry.prometheus_text(
      {{"m", {{"team", "a\"b\\c\nd"}, {"tier", ""}, {"no label", "x"}, {"_own", "x"}}}});
  const std::string tags = ",_team=\"a\\\"b\\\\c\\nd\",_tier=\"\"";
  for (const std::string& line :
       {"sluice_queue_depth{model=\"m\",version=\"1\"" + tags + "} 2\n",
        std::string("sluice_queue_depth{model=\"other\",version=\"\"} 3\n"),
        std::string("sluice_errors_total{kind=\"m\"} 0\n"),
        "_bucket{model=\"m\",version=\"1\",phase=\"compute\"" + tags + ",le=\"1e-06\"} 0\n",
        "_sum{model=\"m\",version=\"1\",phase=\"compute\"" + tags + "} 0\n",
        "_count{model=\"m\",version=\"1\",phase=\"compute\"" + tags + "} 0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("own"), std::string::npos);
  EXPECT_EQ(text.find("no label"), std::string::npos);
}

TEST(Prometheus, KnowsWhichKeysMakeLabels) {
  for (const char* key : {"a", "Z9", "team_name", "9", "a_"}) {
    EXPECT_TRUE(is_tag_key(key)) << key;
  }
  for (const char* key : {"", "_a", "a-b", "a b", "a.b", "a\"", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(is_tag_key(key)) << key;
  }
  EXPECT_TRUE(is_tag_key(std::string(64, 'k')));
  EXPECT_FALSE(is_tag_key(std::string(65, 'k')));
}

TEST(Prometheus, KeepsUtf8AndReplacesWhatIsNot) {
  struct Case {
    std::string_view given;
    std::string_view kept;
  };
  const Case cases[] = {
      {"r\xc3\xa9sum\xc3\xa9", "r\xc3\xa9sum\xc3\xa9"},
      {"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
      {"\xff", "?"},
      {"a\xc3", "a?"},
      {"\xc0\xaf", "??"},
      {"\xed\xa0\x80", "???"},
      {"\xf5\x80\x80\x80", "????"},
      {"", ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(clean_label(c.given), c.kept);
  }
  EXPECT_EQ(clean_label(std::string(5'000, 'x')).size(), limits::kMetricLabelBytes);
}

}  // namespace
}  // namespace sluice::metrics
