#include "cluster/prove/admin_call.h"

#include "cluster/infer/v2_client.h"

namespace sluice::cluster {

namespace {

constexpr auto kAdminTime = std::chrono::seconds(10);

}  // namespace

AdminCall::AdminCall(const Endpoint& endpoint, const std::string& path, std::string_view body)
    : connection_(endpoint), where_(endpoint.shown()) {
  request_ = (body.empty() ? "GET " : "POST ") + path + " HTTP/1.1\r\nHost: " + where_ +
             "\r\nConnection: close\r\nAccept: application/json\r\n";
  if (!body.empty()) {
    request_ +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  request_ += "\r\n";
  request_ += body;
}

Result<std::optional<AdminAnswer>> AdminCall::advance(TimePoint now) {
  if (!began_) {
    began_ = now;
    SLUICE_TRY(connection_.open());
  }
  if (now - *began_ > kAdminTime) {
    return Error{ErrorCode::deadline_exceeded, where_ + " has not answered within 10 s"};
  }
  SLUICE_TRY_ASSIGN(const std::optional<AnswerView> answer, connection_.advance());
  if (!sent_ && connection_.is_connected()) {
    sent_ = true;
    sent_at_ = now;
    connection_.send(request_);
  }
  if (!answer) {
    return std::optional<AdminAnswer>();
  }
  return std::optional(AdminAnswer{answer->status, std::string(answer->body), sent_at_, now});
}

Result<AdminAnswer> expect_success(AdminAnswer answer) {
  if (answer.status < 200 || answer.status > 299) {
    return decode_error(answer.status, answer.body);
  }
  return answer;
}

}  // namespace sluice::cluster
