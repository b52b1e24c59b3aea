// One call to a cluster's admin paths, beside the load and without ever blocking it.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cluster/prove/connection.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace sluice::cluster {

struct AdminAnswer {
  int status = 0;
  std::string body;
  TimePoint sent;      // when the request was begun to be sent
  TimePoint received;  // when the whole answer was there
};

class AdminCall {
 public:
  // `endpoint` must outlive it. An empty body: GET.
  AdminCall(const Endpoint& endpoint, const std::string& path, std::string_view body);

  [[nodiscard]] int fd() const noexcept { return connection_.fd(); }
  [[nodiscard]] short events() const noexcept { return connection_.events(); }

  // Does what can be done without waiting. unavailable when nobody answers, deadline_exceeded
  // after kAdminTime.
  Result<std::optional<AdminAnswer>> advance(TimePoint now);

 private:
  Connection connection_;
  std::string request_;
  bool sent_ = false;
  std::optional<TimePoint> began_;
  TimePoint sent_at_{};
  std::string where_;
};

// The error that the answer is, unless it is a success.
Result<AdminAnswer> expect_success(AdminAnswer answer);

}  // namespace sluice::cluster
