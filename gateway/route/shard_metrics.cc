#include "gateway/route/shard_metrics.h"

#include "common/metrics/families.h"

namespace sluice::gateway {

ShardMetrics::ShardMetrics(metrics::Block& block)
    : block_(&block),
      bad_link_messages_(&block.counter(metrics::kErrorsTotal, {"bad_link_message"})) {}

ShardMetrics::VersionSeries& ShardMetrics::series(std::string_view model, std::int64_t version) {
  if (last_ != nullptr && last_->version == version && last_->model == model) {
    return *last_;
  }
  for (const auto& known : versions_) {
    if (known->version == version && known->model == model) {
      last_ = known.get();
      return *last_;
    }
  }
  auto made = std::make_unique<VersionSeries>();
  made->model = model;
  made->version = version;
  const std::string number = version == 0 ? "" : std::to_string(version);
  for (std::size_t i = 0; i < metrics::kPhases.size(); ++i) {
    made->phases[i] =
        &block_->histogram(metrics::kRequestSeconds, {model, number, metrics::kPhases[i]});
  }
  versions_.push_back(std::move(made));
  last_ = versions_.back().get();
  return *last_;
}

void ShardMetrics::answered(VersionSeries& version,
                            std::string_view protocol,
                            std::optional<ErrorCode> code) {
  auto& counter = version.answers[{protocol, code ? static_cast<int>(*code) : 0}];
  if (counter == nullptr) {
    counter = &block_->counter(metrics::kRequestsTotal,
                               {version.model,
                                version.version == 0 ? "" : std::to_string(version.version),
                                protocol,
                                code ? name_of(*code) : "ok"});
  }
  counter->add();
}

void ShardMetrics::phases(VersionSeries& version, const PhaseTimes& times) {
  version.phases[0]->observe(times.admitted - times.received);
  version.phases[1]->observe(times.sent - times.admitted);
  // Both ways of the link and the worker's own queue: what is neither ours nor the engine's.
  version.phases[2]->observe(times.result - times.sent - times.compute);
  version.phases[3]->observe(times.compute);
}

void ShardMetrics::replied(VersionSeries& version, Duration reply) {
  version.phases[4]->observe(reply);
}

void ShardMetrics::bad_link_message() {
  bad_link_messages_->add();
}

void ShardMetrics::raise(std::string_view kind, std::uint64_t total) {
  std::uint64_t& known = raised_[kind];
  if (total != known || total == 0) {  // at zero too, so that the series is there from the start
    block_->counter(metrics::kErrorsTotal, {kind}).add(total - known);
    known = total;
  }
}

void ShardMetrics::copy(const RouteCounters& route,
                        const HttpCounters& http,
                        std::span<const ModelView> models) {
  raise("queue_full", route.queue_full);
  raise("queue_timeout", route.queue_timeouts);
  raise("expired", route.expired);
  raise("cancelled", route.cancelled);
  raise("quarantined", route.quarantined);
  raise("quarantine_hit", route.quarantine_hits);
  raise("retry_running", route.retries_running);
  raise("retry_waiting", route.retries_waiting);
  raise("retry_suspicion", route.retries_suspicion);
  raise("late_reply", route.late_replies);
  raise("worker_ejected", route.ejections);
  raise("worker_suspected", route.suspicions);
  for (std::size_t i = 0; i < kHttpRefusalCount; ++i) {
    raise(name_of(static_cast<HttpRefusal>(i)), http.refused[i].value());
  }
  for (auto& [key, load] : loads_) {
    load.in_flight = 0;  // unless it is still there: a version that is gone has nothing
  }
  for (const ModelView& model : models) {
    block_->gauge(metrics::kQueueDepth, {model.name, ""})
        .set(static_cast<std::int64_t>(model.queued));
    for (const VersionLoad& version : model.versions) {
      Load& load = loads_[{std::string(model.name), version.version}];
      if (load.gauge == nullptr) {
        load.gauge =
            &block_->gauge(metrics::kInFlight, {model.name, std::to_string(version.version)});
      }
      load.in_flight = version.in_flight;
    }
  }
  for (const auto& [key, load] : loads_) {
    load.gauge->set(static_cast<std::int64_t>(load.in_flight));
  }
}

}  // namespace sluice::gateway
