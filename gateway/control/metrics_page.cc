#include "gateway/control/metrics_page.h"

#include <utility>
#include <variant>

#include <zmq.hpp>

#include "common/base/limits.h"
#include "common/base/overloaded.h"

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

MetricsPage::MetricsPage(IoLoop& loop,
                         const metrics::Registry& registry,
                         actor::Mailbox<MetricsInbox>& mailbox,
                         metrics::ModelTags& tags)
    : registry_(&registry),
      mailbox_(&mailbox),
      tags_(&tags),
      listener_(loop, *this, small_options()),
      mail_post_(loop, callback_of<&MetricsPage::on_mail>(*this)),
      mail_watch_(
          loop, mailbox.socket().get(zmq::sockopt::fd), callback_of<&MetricsPage::on_mail>(*this)) {
  mail_post_.post();  // what arrived before the watch was armed raises no edge
}

void MetricsPage::on_mail(TimePoint /*now*/) {
  const std::size_t count = mailbox_->drain([this](MetricsInbox&& message) {
    std::visit(Overloaded{[this](MetricTags& tags) { *tags_ = std::move(tags.models); }}, message);
  });
  if (count == limits::kMailboxDrain) {
    mail_post_.post();
  }
}

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
    reply = text_reply(200, metrics::kPrometheusType, registry_->prometheus_text(*tags_));
  }
  listener_.reply(handle, std::move(reply));
}

void MetricsPage::on_abandoned(RequestHandle /*handle*/) {}

}  // namespace sluice::gateway
