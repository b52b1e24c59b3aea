#include "cluster/infer/http_client.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/process/unique_fd.h"

namespace sluice::cluster {
namespace {

using namespace std::chrono_literals;

// A loopback address that is bound: nobody else answers there.
class BoundAddress {
 public:
  explicit BoundAddress(bool listens) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface's cast.
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), generic, size), 0);
    EXPECT_EQ(::getsockname(socket_.get(), generic, &size), 0);
    if (listens) {
      EXPECT_EQ(::listen(socket_.get(), 1), 0);
    }
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  UniqueFd socket_;
  std::string url_;
};

Error error_of(const std::string& url, Duration timeout) {
  Result<HttpClient> client = HttpClient::open(url, timeout);
  EXPECT_TRUE(client);
  const Result<HttpAnswer> answer = client->get("/v2/models/m");
  EXPECT_FALSE(answer);
  return answer ? Error{} : answer.error();
}

TEST(HttpClient, SaysThatNobodyAnswers) {
  const BoundAddress address(false);
  EXPECT_EQ(error_of(address.url() + "/", 5s),
            (Error{ErrorCode::unavailable,
                   "nobody answers at " + address.url() + " (is `sluice serve` running?)"}));
}

TEST(HttpClient, GivesUpAtItsTimeout) {
  const BoundAddress address(true);
  EXPECT_EQ(error_of(address.url(), 20ms),
            (Error{ErrorCode::deadline_exceeded, address.url() + " did not answer within 20 ms"}));
}

TEST(HttpClient, RefusesOtherUrls) {
  EXPECT_EQ(error_of("file:///etc/passwd", 5s).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error_of("http://[", 5s).code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace sluice::cluster
