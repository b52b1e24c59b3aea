#include "common/metrics/registry.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/metrics/prometheus.h"

namespace sluice::metrics {

namespace {

std::size_t label_count(const Family& family) noexcept {
  std::size_t count = 0;
  while (count < kMaxLabels && !family.labels[count].empty()) {
    ++count;
  }
  return count;
}

bool has_labels(const Series& series, const Family& family, LabelValues labels) {
  return series.family->name == family.name &&
         std::equal(series.labels.begin(), series.labels.end(), labels.begin(), labels.end());
}

void set_kind(Series& series, Kind kind) {
  switch (kind) {
    case Kind::counter:
      series.cell.emplace<Counter>();
      return;
    case Kind::gauge:
      series.cell.emplace<Gauge>();
      return;
    case Kind::histogram:
      series.cell.emplace<Histogram>();
      return;
  }
}

}  // namespace

Series& Block::make(const Family& family, std::vector<std::string> labels, const std::string& key) {
  owned_.push_back(std::make_unique<Series>());
  Series& series = *owned_.back();
  series.family = &family;
  series.labels = std::move(labels);
  set_kind(series, family.kind);
  series.next = newest_.load(std::memory_order_relaxed);
  by_key_.emplace(key, &series);
  newest_.store(&series, std::memory_order_release);
  return series;
}

Series& Block::find_or_make(const Family& family, LabelValues labels) {
  SLUICE_CHECK(labels.size() == label_count(family));
  key_.assign(family.name);
  for (const std::string_view label : labels) {
    key_ += '\0';
    key_ += label;
  }
  if (const auto found = by_key_.find(key_); found != by_key_.end()) {
    return *found->second;
  }
  std::vector<std::string> values;
  if (owned_.size() < limits::kMetricSeries) {
    for (const std::string_view label : labels) {
      values.push_back(clean_label(label));
    }
    return make(family, std::move(values), key_);
  }
  values.assign(labels.size(), "other");
  key_.assign(family.name).append(2, '\0').append("other");  // no labels give two separators
  if (const auto found = by_key_.find(key_); found != by_key_.end()) {
    return *found->second;
  }
  return make(family, std::move(values), key_);
}

Counter& Block::counter(const Family& family, LabelValues labels) {
  Counter* cell = std::get_if<Counter>(&find_or_make(family, labels).cell);
  SLUICE_CHECK(cell != nullptr);
  return *cell;
}

Gauge& Block::gauge(const Family& family, LabelValues labels) {
  Gauge* cell = std::get_if<Gauge>(&find_or_make(family, labels).cell);
  SLUICE_CHECK(cell != nullptr);
  return *cell;
}

Histogram& Block::histogram(const Family& family, LabelValues labels) {
  Histogram* cell = std::get_if<Histogram>(&find_or_make(family, labels).cell);
  SLUICE_CHECK(cell != nullptr);
  return *cell;
}

Block& Registry::add_block() {
  blocks_.push_back(std::make_unique<Block>());
  return *blocks_.back();
}

std::string Registry::prometheus_text(const ModelTags& tags) const {
  PrometheusWriter writer;
  for (const auto& block : blocks_) {
    for (const Series* series = block->newest(); series != nullptr; series = series->next) {
      writer.add(*series);
    }
  }
  return writer.text(tags);
}

std::int64_t Registry::value(const Family& family, LabelValues labels) const {
  std::int64_t sum = 0;
  for (const auto& block : blocks_) {
    for (const Series* series = block->newest(); series != nullptr; series = series->next) {
      if (!has_labels(*series, family, labels)) {
        continue;
      }
      if (const auto* counter = std::get_if<Counter>(&series->cell)) {
        sum += static_cast<std::int64_t>(counter->value());
      } else if (const auto* gauge = std::get_if<Gauge>(&series->cell)) {
        sum += gauge->value();
      }
    }
  }
  return sum;
}

HistogramTotals Registry::totals(const Family& family, LabelValues labels) const {
  HistogramTotals totals;
  for (const auto& block : blocks_) {
    for (const Series* series = block->newest(); series != nullptr; series = series->next) {
      if (!has_labels(*series, family, labels)) {
        continue;
      }
      if (const auto* histogram = std::get_if<Histogram>(&series->cell)) {
        histogram->add_to(totals);
      }
    }
  }
  return totals;
}

}  // namespace sluice::metrics
