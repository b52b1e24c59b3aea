// Prometheus text exposition format 0.0.4, summing series that have the same name and labels.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/registry.h"

namespace sluice::metrics {

// A label's value as it is kept: at most limits::kMetricLabelBytes, and "?" for each byte outside
// ASCII when the whole is not UTF-8, so that a scrape is never refused because of one name.
std::string clean_label(std::string_view value);

// `value` with \\, \" and \n escaped, as it stands between the quotes.
std::string escape_label(std::string_view value);

// Whether "_KEY" can be a label: at most limits::kMetricTagKeyBytes letters, digits and '_', the
// last not in front, because "__" is Prometheus' own.
bool is_tag_key(std::string_view key) noexcept;

class PrometheusWriter {
 public:
  void add(const Series& series);
  // Families by name, series by label values; the same content gives the same text. Tags whose keys
  // are none are left out.
  [[nodiscard]] std::string text(const ModelTags& tags = {}) const;

 private:
  struct Sum {
    std::int64_t gauge = 0;
    std::uint64_t counter = 0;
    HistogramTotals histogram;
  };
  struct FamilySums {
    const Family* family = nullptr;
    std::map<std::vector<std::string>, Sum> series;
  };

  std::map<std::string_view, FamilySums> families_;
};

}  // namespace sluice::metrics
