#include "gateway/control/metrics_page.h"

#include <utility>

namespace sluice::gateway {
namespace {

HttpOptions small_options() {
  HttpOptions options;
  options.body_bytes = 0;  // nobody posts here
  options.connections = 64;
  return options;
}

ClientReply text_reply(int status, std::string_view type, std::string text) {
  ClientReply reply;
  reply.status = status;
  reply.content_type = type;
  reply.body.push_back(Buffer::from_string(std::move(text)));
  return reply;
}

}  // namespace

MetricsPage::MetricsPage(IoLoop& loop, const metrics::Registry& registry)
    : registry_(&registry), listener_(loop, *this, small_options()) {}

void MetricsPage::on_request(RequestHandle handle,
                             const ClientMessage& message,
                             const RequestFacts& /*facts*/) {
  ClientReply reply;
  if (message.path != "/metrics") {
    reply = text_reply(404, "text/plain", "only /metrics is here\n");
  } else if (message.method != "GET" && message.method != "HEAD") {
    reply = text_reply(405, "text/plain", "GET only\n");
    reply.headers.emplace_back("Allow", "GET, HEAD");
  } else {
    reply = text_reply(200, metrics::kPrometheusType, registry_->prometheus_text());
  }
  listener_.reply(handle, std::move(reply));
}

void MetricsPage::on_abandoned(RequestHandle /*handle*/) {}

}  // namespace sluice::gateway
