// The same bytes to our listener and to nginx: each answer is the expected one, and each difference
// between the two has a rule in docs/protocols/http.md.

#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "gateway/net/bind.h"
#include "tests/protocol/http/cases.h"
#include "tests/protocol/http/echo_server.h"
#include "tests/protocol/http/raw_client.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace sluice::gateway {
namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";

// nginx reads a body only when somebody wants it: the front server passes to a second one, behind a
// unix socket, which answers a constant.
std::string configuration(const std::string& dir, std::uint16_t port) {
  std::ostringstream text;
  text << "daemon off;\nmaster_process off;\nerror_log " << dir << "/error.log crit;\npid " << dir
       << "/pid;\nevents {}\nhttp {\n  access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    text << "  " << kind << "_temp_path " << dir << "/" << kind << ";\n";
  }
  text << "  client_max_body_size 256m;\n"
       << "  server { listen unix:" << dir << "/back; location / { return 200 ok; } }\n"
       << "  server { listen 127.0.0.1:" << port
       << ";\n    location / { proxy_pass http://unix:" << dir << "/back:/; }\n  }\n}\n";
  return text.str();
}

// A port that was free a moment ago: nginx cannot be given a bound socket by plain means.
std::uint16_t free_port() {
  const auto bound = bind_listeners(*parse_address("127.0.0.1:0"), 1);
  return bound ? bound->address.port() : std::uint16_t{0};
}

class Nginx {
 public:
  Nginx() : port_(free_port()) {
    const std::string file = dir_.write("nginx.conf", configuration(dir_.path(), port_));
    process_ = std::make_unique<test::Process>(
        test::ProcessSpec{.arguments = {kNginx, "-p", dir_.path(), "-c", file},
                          .environment = {},
                          .descriptors = {}});
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // True once it answers.
  [[nodiscard]] bool ready() const {
    return test::wait_until([this] { return access((dir_ / "back").c_str(), F_OK) == 0; }) &&
           ask(port_, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200;
  }

 private:
  test::TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<test::Process> process_;
};

int status_of(std::uint16_t port, const std::string& bytes) {
  RawClient client(port);
  client.send(bytes);
  RawReply reply = client.read_reply();
  while (reply.status == 100) {
    reply = client.read_reply();
  }
  return reply.status;
}

TEST(HttpAgainstNginx, OurListenerAnswersEachCaseAsListed) {
  EchoServer server;
  server.answer_everything();
  for (const FramingCase& each : framing_cases()) {
    EXPECT_EQ(status_of(server.port(), each.bytes), each.ours) << each.name;
  }
}

TEST(HttpAgainstNginx, NginxAnswersEachCaseAsListed) {
  if (access(kNginx, X_OK) != 0) {
    GTEST_SKIP() << "NOT TESTED: " << kNginx << " is not installed (package nginx-light)";
  }
  const Nginx nginx;
  ASSERT_TRUE(nginx.ready());
  for (const FramingCase& each : framing_cases()) {
    EXPECT_EQ(status_of(nginx.port(), each.bytes), each.nginx) << each.name;
  }
}

TEST(HttpAgainstNginx, EveryDifferenceHasARuleInTheDocument) {
  const std::string document =
      test::read_file(std::string(SLUICE_SOURCE_DIR) + "/docs/protocols/http.md");
  for (const FramingCase& each : framing_cases()) {
    if (each.ours == each.nginx) {
      EXPECT_EQ(each.rule, "") << each.name;
      continue;
    }
    EXPECT_NE(each.rule, "") << each.name;
    const std::string row = "| " + each.name + " | " + std::to_string(each.ours) + " | " +
                            (each.nginx == 0 ? "closes" : std::to_string(each.nginx)) + " | " +
                            each.rule + " |";
    EXPECT_NE(document.find(row), std::string::npos) << "missing in the document: " << row;
  }
}

}  // namespace
}  // namespace sluice::gateway
