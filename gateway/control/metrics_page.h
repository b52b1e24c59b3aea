// The Prometheus page on its own listener, so that a scrape never waits behind requests and needs
// no door to them.
//
// Runs on: the metrics thread's IoLoop.
// Receives: GET /metrics (from its HTTP listener), MetricTags (from control).
// Sends:    nothing.

#pragma once

#include "common/actor/mailbox.h"
#include "common/metrics/registry.h"
#include "gateway/control/messages.h"
#include "gateway/net/http_listener.h"
#include "gateway/net/io_loop.h"

namespace sluice::gateway {

class MetricsPage final : public RequestHandler {
 public:
  // `tags` are kept beside it: a page that is made anew after a failure goes on with them.
  MetricsPage(IoLoop& loop,
              const metrics::Registry& registry,
              actor::Mailbox<MetricsInbox>& mailbox,
              metrics::ModelTags& tags);

  [[nodiscard]] HttpListener& listener() noexcept { return listener_; }

  void on_request(RequestHandle handle,
                  const ClientMessage& message,
                  const RequestFacts& facts) override;
  void on_abandoned(RequestHandle handle) override;

 private:
  void on_mail(TimePoint now);

  const metrics::Registry* registry_;
  actor::Mailbox<MetricsInbox>* mailbox_;
  metrics::ModelTags* tags_;
  HttpListener listener_;
  LoopPost mail_post_;
  FdWatch mail_watch_;
};

}  // namespace sluice::gateway
