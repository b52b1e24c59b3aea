// What one shard writes to its metrics block: series are looked up once and kept.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/metrics/registry.h"
#include "gateway/net/http_counters.h"
#include "gateway/route/counters.h"

namespace sluice::gateway {

// When what happened to one request; unset points are the clock's epoch.
struct PhaseTimes {
  TimePoint received{};  // its last byte was read
  TimePoint admitted{};  // it became an internal request
  TimePoint sent{};      // it was handed to a worker, the last time
  TimePoint result{};    // the worker's answer arrived
  Duration compute{};    // of the engine call
};

class ShardMetrics {
 public:
  explicit ShardMetrics(metrics::Block& block);

  // The series of one version; 0: no version was settled (an early refusal).
  struct VersionSeries {
    std::string model;
    std::int64_t version = 0;
    std::array<metrics::Histogram*, 5> phases{};
    std::map<std::pair<std::string_view, int>, metrics::Counter*> answers;  // protocol, code
  };
  // Lives as long as this.
  VersionSeries& series(std::string_view model, std::int64_t version);

  // One terminal answer to an inference. `code` is absent for a result.
  void answered(VersionSeries& version, std::string_view protocol, std::optional<ErrorCode> code);
  static void phases(VersionSeries& version, const PhaseTimes& times);
  // result received until the first byte of the answer was written.
  static void replied(VersionSeries& version, Duration reply);
  void bad_link_message();

  // Copies the counters of the cores, which are plain numbers, to the series. Called by a timer.
  void copy(const RouteCounters& route,
            const HttpCounters& http,
            std::span<const ModelView> models);

 private:
  void raise(std::string_view kind, std::uint64_t total);

  metrics::Block* block_;
  metrics::Counter* bad_link_messages_;
  std::vector<std::unique_ptr<VersionSeries>> versions_;
  VersionSeries* last_ = nullptr;  // most requests are for the version of the one before
  std::map<std::string_view, std::uint64_t> raised_;
  struct Load {
    metrics::Gauge* gauge = nullptr;
    std::size_t in_flight = 0;
  };
  std::map<std::pair<std::string, std::int64_t>, Load> loads_;  // by model and version
};

}  // namespace sluice::gateway
