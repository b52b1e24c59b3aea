// Registry and Block: where the series of one process live.
//
// A Block belongs to one writing thread (a shard, the control actor). It makes series on first use
// and never frees one before its end; the reading thread sees each series once it is complete. A
// Registry holds the blocks and sums over them when it is read.

#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "common/metrics/cells.h"
#include "common/metrics/families.h"

namespace sluice::metrics {

using LabelValues = std::initializer_list<std::string_view>;

// What operators attach to models: by model, values by their keys.
using ModelTags = std::map<std::string, std::map<std::string, std::string>, std::less<>>;

// One series of one block. Immutable but for its cell.
struct Series {
  const Family* family = nullptr;
  std::vector<std::string> labels;  // values, in the family's order
  std::variant<Counter, Gauge, Histogram> cell;
  const Series* next = nullptr;  // made before this one
};

// Writer's side: all functions are for the owning thread alone. References stay valid for the
// block's life: look a series up once and keep it. `family` must be one of families.h (static), of
// the kind asked for, and `labels` as many as it has. Beyond limits::kMetricSeries series, new ones
// share the family's series whose labels are all "other".
class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() = default;

  Counter& counter(const Family& family, LabelValues labels = {});
  Gauge& gauge(const Family& family, LabelValues labels = {});
  Histogram& histogram(const Family& family, LabelValues labels = {});

  // Reader's side, any thread: the newest series, from which `next` leads to all others.
  [[nodiscard]] const Series* newest() const noexcept {
    return newest_.load(std::memory_order_acquire);
  }

 private:
  Series& find_or_make(const Family& family, LabelValues labels);
  Series& make(const Family& family, std::vector<std::string> labels, const std::string& key);

  std::vector<std::unique_ptr<Series>> owned_;
  std::unordered_map<std::string, Series*> by_key_;
  std::string key_;  // reused, so that finding a known series does not allocate
  std::atomic<const Series*> newest_{nullptr};
};

// add_block() is for the wiring, before any thread reads or writes; the rest for any thread.
class Registry {
 public:
  Block& add_block();

  // All series summed over the blocks as Prometheus text 0.0.4 (Content-Type: kPrometheusType).
  // Those of a model that has tags carry them as labels _KEY.
  [[nodiscard]] std::string prometheus_text(const ModelTags& tags = {}) const;

  // The same numbers for other readers (status): sum of one series over the blocks; 0 or empty when
  // nobody wrote it.
  [[nodiscard]] std::int64_t value(const Family& family, LabelValues labels = {}) const;
  [[nodiscard]] HistogramTotals totals(const Family& family, LabelValues labels = {}) const;

 private:
  std::vector<std::unique_ptr<Block>> blocks_;
};

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace sluice::metrics
