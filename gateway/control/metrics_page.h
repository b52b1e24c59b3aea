// The Prometheus page on its own listener, so that a scrape never waits behind requests and needs
// no door to them.
//
// Runs on: the metrics thread's IoLoop.
// Receives: GET /metrics (from its HTTP listener).
// Sends:    nothing.

#pragma once

#include "common/metrics/registry.h"
#include "gateway/net/http_listener.h"
#include "gateway/net/io_loop.h"

namespace sluice::gateway {

class MetricsPage final : public RequestHandler {
 public:
  MetricsPage(IoLoop& loop, const metrics::Registry& registry);

  [[nodiscard]] HttpListener& listener() noexcept { return listener_; }

  void on_request(RequestHandle handle,
                  const ClientMessage& message,
                  const RequestFacts& facts) override;
  void on_abandoned(RequestHandle handle) override;

 private:
  const metrics::Registry* registry_;
  HttpListener listener_;
};

}  // namespace sluice::gateway
